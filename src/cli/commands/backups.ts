import { backupsDrill, backupsList, backupsPrune, backupsVerify } from '../../backup/index.js'
import { backupsOptions, keepPolicy } from '../../config/parsed-backup.js'
import { toolVersion } from '../../pipeline/version.js'
import { renderBackups, renderDrilled, renderPrune, renderVerified } from '../../report/backups.js'
import { renderJson } from '../../report/json.js'
import { createStyle, type Style } from '../../report/style.js'
import { EXIT } from '../exit-codes.js'
import type { Session } from '../session.js'

/** `obleth-ledger backups list`: 4 where one is damaged, or was begun and never finished. */
export async function runBackupsList(session: Session): Promise<number> {
  const outcome = await backupsList(backupsOptions(session.settings), session.signal)
  const sound = outcome.backups.every(({ state }) => state === 'complete' || state === 'running')
  return print(session, 'backups list', sound, outcome, (style) =>
    renderBackups(outcome.backups, outcome.place, Date.now(), style),
  )
}

/** `obleth-ledger backups verify`: 4 where one is not sound. */
export async function runBackupsVerify(session: Session): Promise<number> {
  const { settings, words, signal } = session
  const outcome = await backupsVerify(backupsOptions(settings), words.backup, signal)
  const sound = outcome.verified.every(({ findings }) => findings.length === 0)
  return print(session, 'backups verify', sound, outcome, (style) => renderVerified(outcome.verified, style))
}

/** `obleth-ledger backups drill`: 4 where what was restored is not what was backed up. */
export async function runBackupsDrill(session: Session): Promise<number> {
  const { settings, words, signal } = session
  const outcome = await backupsDrill(backupsOptions(settings), words.backup, signal)
  const sound = outcome.drilled.every(({ findings }) => findings.length === 0)
  return print(session, 'backups drill', sound, outcome, (style) =>
    renderDrilled(outcome.drilled, outcome.without, style),
  )
}

/** `obleth-ledger backups prune`: shows what it would do; does it with `--confirm`. */
export async function runBackupsPrune(session: Session): Promise<number> {
  const { settings, signal } = session
  const outcome = await backupsPrune(backupsOptions(settings), keepPolicy(settings), settings.values.confirm, signal)
  return print(session, 'backups prune', true, outcome, (style) =>
    renderPrune(outcome.decisions, outcome.removed, outcome.place, style),
  )
}

function print(
  { settings, stdout, colors }: Session,
  command: string,
  sound: boolean,
  outcome: object,
  render: (style: Style) => string,
): number {
  const { json, quiet } = settings.values
  const status = sound ? 'ok' : 'mismatch'
  if (json) stdout.write(renderJson({ command, version: toolVersion(), status, ...outcome }))
  else if (!quiet || !sound) stdout.write(render(createStyle(colors)))
  return sound ? EXIT.done : EXIT.mismatch
}
