import { restoreClickhouse } from '../../backup/clickhouse/restore.js'
import { targetOptions } from '../../config/parsed.js'
import { backupsOptions } from '../../config/parsed-backup.js'
import { toolVersion } from '../../pipeline/version.js'
import { renderRestore, renderRestorePlan } from '../../report/clickhouse-restore.js'
import { renderJson } from '../../report/json.js'
import { createStyle } from '../../report/style.js'
import { mayRestore } from '../confirm.js'
import { EXIT } from '../exit-codes.js'
import type { Session } from '../session.js'

/** `obleth-ledger restore clickhouse`: 4 where the rollup differs afterwards and did not in the backup. */
export async function runRestoreClickhouse(session: Session): Promise<number> {
  const { settings, words, asker, signal, stdout, colors } = session
  const { values } = settings
  const outcome = await restoreClickhouse(backupsOptions(settings), {
    backup: words.backup === '' ? 'latest' : words.backup,
    dryRun: values['dry-run'],
    replace: values.replace,
    sources: values.source,
    signal,
    confirm: (plan) => {
      const show = () => void asker?.output.write(renderRestorePlan(plan, createStyle(colors)))
      const { url, embedded } = targetOptions(settings)
      // What is there is put aside, never dropped: into an embedded ledger it needs no asking.
      return mayRestore(url ?? embedded, values.yes || url === undefined, asker, show, signal)
    },
  })
  const status = outcome.rollup === 'mismatch' ? 'mismatch' : 'ok'
  if (values.json)
    stdout.write(renderJson({ command: 'restore clickhouse', version: toolVersion(), status, ...outcome }))
  else if (!values.quiet) stdout.write(renderRestore(outcome, createStyle(colors)))
  return status === 'ok' ? EXIT.done : EXIT.mismatch
}
