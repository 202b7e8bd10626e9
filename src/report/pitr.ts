import type { PitrCheck, PitrRestorePlan, RenderedFile, WrittenFiles } from '../domain/pitr.js'
import { printable } from '../domain/printable.js'
import { plural, size, time } from './format.js'
import type { Style } from './style.js'

/** Rendered files one after the other, each behind a comment that says where it belongs. */
export function renderFiles(files: readonly RenderedFile[]): string {
  return files.map(({ name, place, text }) => `# ---- ${name}: ${place} ----\n${text}`).join('\n')
}

/** What was written into a folder, and where it belongs. */
export function renderWritten(
  { folder, files }: WrittenFiles,
  rendered: readonly RenderedFile[],
  style: Style,
): string {
  const lines = files.map(({ name, state }, index) => {
    const word = state === 'written' ? style.good('written  ') : 'unchanged'
    return `${word}  ${printable(`${folder}/${name}`)}: ${printable(rendered[index].place)}`
  })
  return `${lines.join('\n')}\n`
}

/** Whether a cluster is archived, and what can be recovered. */
export function renderCheck(check: PitrCheck, nowMs: number, style: Style): string {
  const { tool, cluster, server, backups, newestWal, window, findings } = check
  const newest = backups.at(-1)
  const ago = (moment: string) => `${moment}, ${time(Math.max(0, nowMs - Date.parse(moment)))} ago`
  const lines = [
    style.bold(`${tool} ${printable(cluster)}`),
    server === null
      ? `  server    ${style.bad('does not answer')}`
      : `  server    PostgreSQL ${printable(server.version)}; archived ${server.lastArchivedWal === null ? 'nothing yet' : printable(`${server.lastArchivedWal}, ${server.lastArchivedAt}`)}`,
    `  backups   ${plural(backups.length, 'base backup')}${newest === undefined ? '' : printable(`, the newest ${newest.label} of ${ago(newest.stoppedAt)}`)}`,
    `  archive   up to ${printable(newestWal ?? 'nothing')}`,
    window === null
      ? `  recovery  ${style.bad('to no moment')}`
      : `  recovery  to any moment from ${window.from} on, before ${style.bold(ago(window.before))}`,
    ...findings.flatMap(({ message, hint }) => [
      `${style.bad('finding')}     ${printable(message)}`,
      `            ${printable(hint)}`,
    ]),
  ]
  if (findings.length === 0) lines.push(`${style.good('sound')}`)
  return `${lines.join('\n')}\n`
}

/** What a recovery is going to do. */
export function renderRestorePlan(plan: PitrRestorePlan, style: Style): string {
  const { cluster, target, window, backup, timeline, branchedOff, into, keptAs, archiving, freeBytes } = plan
  const lines = [
    `${style.bold('recover')} ${printable(cluster)} with pgBackRest`,
    `  to        ${target.utc}`,
    `            ${target.local} in ${printable(target.zone)}`,
    `  window    from ${window.from} on, before ${window.before}`,
    `  backup    ${printable(`${backup.label} (${backup.type}), ended ${backup.stoppedAt}`)}, ${size(backup.bytes)}`,
    ...(branchedOff === null
      ? []
      : [
          `  timeline  ${timeline}, which left ${branchedOff.timeline} at ${branchedOff.lsn}: what ${style.bold(`timeline ${branchedOff.timeline} had later`)} is not recovered`,
        ]),
    `  into      ${printable(into)}, ${size(freeBytes)} free`,
    ...(keptAs === null ? [] : [`  kept      what is there now, as ${printable(keptAs)}`]),
    `  archiving ${archiving ? 'as configured, on a new timeline' : 'switched off in the new directory: the cluster may still use the stanza'}`,
  ]
  return `${lines.join('\n')}\n`
}

/** A recovery that is done, and how to go on. */
export function renderRestored({ into, keptAs, next }: PitrRestorePlan, style: Style): string {
  const lines = [
    `${style.good('restored')} ${printable(into)}${keptAs === null ? '' : printable(`; the old data is ${keptAs}`)}`,
    '  the server replays the archive up to the moment when it starts; then restart obleth pods, so that they reload',
    ...next.map((command) => `next: ${printable(command)}`),
  ]
  return `${lines.join('\n')}\n`
}
