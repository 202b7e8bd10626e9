import { restorePostgresOptions } from '../../config/parsed-backup.js'
import type { PostgresRestoreOutcome } from '../../domain/postgres-restore.js'
import { toolVersion } from '../../pipeline/version.js'
import { renderJson } from '../../report/json.js'
import { renderPostgresPlan, renderPostgresRestore } from '../../report/restore-postgres.js'
import { createStyle } from '../../report/style.js'
import { mayRestore } from '../confirm.js'
import { EXIT } from '../exit-codes.js'
import type { Session } from '../session.js'

/** `obleth-ledger restore postgres`: 4 where what is there now differs from the backup, 1 where only the restart failed. */
export async function runRestorePostgres({ settings, words, asker, signal, stdout, colors }: Session): Promise<number> {
  const { json, quiet, yes, 'dry-run': dryRun } = settings.values
  const { restorePostgres } = await import('../../backup/postgres/restore.js')
  let planSeen = false
  const outcome = await restorePostgres({
    ...restorePostgresOptions(settings),
    backup: words.backup === '' ? 'latest' : words.backup,
    signal,
    confirm: (plan) => {
      const show = () => {
        planSeen = true
        asker?.output.write(renderPostgresPlan(plan, createStyle(colors)))
      }
      return mayRestore(plan.target, yes, asker, show, signal)
    },
  })
  const { code, status } = ending(outcome)
  if (json) stdout.write(renderJson({ command: 'restore postgres', version: toolVersion(), status, ...outcome }))
  else if (!quiet || code !== EXIT.done)
    stdout.write(renderPostgresRestore(outcome, dryRun, planSeen, createStyle(colors)))
  return code
}

function ending({ differences, restart }: PostgresRestoreOutcome): { readonly code: number; readonly status: string } {
  if (differences.length > 0) return { code: EXIT.mismatch, status: 'mismatch' }
  if (restart !== null && restart.exitCode !== 0) return { code: EXIT.failed, status: 'failed' }
  return { code: EXIT.done, status: 'ok' }
}
