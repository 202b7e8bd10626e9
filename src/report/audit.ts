import type { AuditedFinding, AuditOutcome } from '../domain/audit.js'
import { printable } from '../domain/printable.js'
import { moment, plural } from './format.js'
import type { Style } from './style.js'

/** The findings of an audit, each with place, size, evidence, likely cause and next command. */
export function renderAudit({ target, rows, findings, notes }: AuditOutcome, style: Style): string {
  const lines = [
    style.bold(`audit of ${printable(target.location)}, database ${target.database}: ${plural(rows, 'row')}`),
    ...findings.flatMap((finding) => ['', ...linesOf(finding, style)]),
    '',
    findings.length === 0 ? 'nothing found' : `${plural(findings.length, 'finding')}${waived(findings)}`,
    ...notes.map((note) => style.dim(note)),
  ]
  return `${lines.join('\n')}\n`
}

/** `12 requests, 3,400 tokens, 0.25 USD`, as far as they are known. */
export function sizeOf({ requests, tokens, costUsd }: AuditedFinding): string {
  return [
    ...(requests === null ? [] : [plural(requests, 'request')]),
    ...(tokens === null ? [] : [plural(tokens, 'token')]),
    ...(costUsd === null ? [] : [`${Number(costUsd.toPrecision(12))} USD`]),
  ].join(', ')
}

function linesOf(finding: AuditedFinding, style: Style): string[] {
  const { kind, place, window, evidence, cause, next, waiver } = finding
  const size = sizeOf(finding)
  return [
    `${style.bold(kind.replaceAll('_', ' '))}  ${printable(place)}`,
    ...(window === null ? [] : [`  from      ${moment(window.fromMs)} to ${moment(window.toMs)}`]),
    ...(size === '' ? [] : [`  size      ${size}`]),
    `  evidence  ${printable(evidence)}`,
    `  cause     ${cause}`,
    `  next      ${next}`,
    ...(waiver === null
      ? []
      : [`  waived    ${printable(`${waiver.reason} (${waiver.who}, until ${moment(waiver.untilMs)})`)}`]),
  ]
}

function waived(findings: readonly AuditedFinding[]): string {
  const some = findings.filter(({ waiver }) => waiver !== null).length
  return some === 0 ? '' : `, ${some} of them waived`
}
