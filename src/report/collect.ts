import type { CollectOutcome, VerifyOutcome } from '../domain/collect.js'
import { printable } from '../domain/printable.js'
import { shellLine } from '../domain/shell-line.js'
import { count, plural, size } from './format.js'
import type { Style } from './style.js'
import { renderWarnings } from './warnings.js'

/** What a collect came to: the bundle, what is missing in it, and what to do about it. */
export function renderCollect(outcome: CollectOutcome, all: boolean, style: Style): string {
  const { bundle, files, written, unreadable, warnings, live } = outcome
  const of = (state: string) => files.filter((file) => file.state === state).length
  const pods = new Set(files.map(({ pod }) => pod)).size
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  const lines = [
    style.bold(`bundle ${printable(bundle)}`),
    `  ${plural(files.length, 'file')} of ${plural(pods, 'pod')}, ${size(bytes)}; ${count(written)} copied now`,
    `  whole ${count(of('whole'))}, growing ${count(of('growing'))}, vanished ${count(of('vanished'))}, incomplete ${count(of('incomplete'))}`,
    ...unreadable.map(({ path, reason }) => `  ${style.bad('not whole')} ${printable(`${path}: ${reason}`)}`),
    ...renderWarnings(warnings, all, style),
    ...live.map(({ pod, reason }) => `  ${style.warn('running')} ${printable(`${pod}: ${reason}`)}`),
  ]
  if (live.length > 0)
    lines.push('  stop these pods, or let them drain, so that their files stand still; then run the same command again')
  lines.push(`next: ${printable(shellLine(['obleth-ledger', 'collect', '--verify', '--to', bundle]))}`)
  return `${lines.join('\n')}\n`
}

/** What a bundle's check found. */
export function renderVerify({ bundle, files, bytes, differences, incomplete }: VerifyOutcome, style: Style): string {
  const sum = `${plural(files, 'file')}, ${size(bytes)}`
  const missing = incomplete.map(
    ({ path, reason }) => `  ${style.warn('missing')} ${printable(`${path}: ${reason}`)}\n`,
  )
  if (differences.length === 0) return `${style.good('proven')} ${printable(bundle)}: ${sum}\n${missing.join('')}`
  const lines = differences.map(({ path, reason }) => `  ${style.bad(printable(path))}: ${printable(reason)}`)
  return `${style.bad('not as its manifest says')} ${printable(bundle)}: ${sum}\n${lines.join('\n')}\n`
}
