import { planPitrRestore, runPitrRestore } from '../../backup/pitr/index.js'
import { pitrRestoreOptions } from '../../config/parsed-backup.js'
import { LedgerError } from '../../domain/errors.js'
import { toolVersion } from '../../pipeline/version.js'
import { renderJson } from '../../report/json.js'
import { renderRestored, renderRestorePlan } from '../../report/pitr.js'
import { createStyle } from '../../report/style.js'
import { mayRestore } from '../confirm.js'
import { EXIT } from '../exit-codes.js'
import type { Session } from '../session.js'

/** `obleth-ledger restore postgres --to <moment>`: plans a point-in-time recovery, asks, and carries it out. */
export async function runRestorePostgresTo(session: Session): Promise<number> {
  const { settings, signal, asker, stdout, colors, words } = session
  const { yes, json, quiet, 'dry-run': dryRun } = settings.values
  if (words.backup !== '')
    throw new LedgerError('usage', 'a recovery to a moment chooses the base backup itself', {
      hint: 'leave out either the backup or --to',
    })
  const options = pitrRestoreOptions(settings)
  const plan = await planPitrRestore(options, Date.now(), signal)
  const style = createStyle(colors)
  const show = renderRestorePlan(plan, style)
  if (!dryRun) {
    if (yes && !json && !quiet) stdout.write(show)
    if (!(await mayRestore(plan.into, yes, asker, () => void asker?.output.write(show), signal)))
      throw new LedgerError('refused', 'not confirmed: nothing was done')
    await runPitrRestore(options.cluster, plan, signal)
  }
  if (json)
    stdout.write(
      renderJson({ command: 'restore postgres', version: toolVersion(), status: 'ok', restored: !dryRun, plan }),
    )
  else if (dryRun) stdout.write(show)
  else if (!quiet) stdout.write(renderRestored(plan, style))
  return EXIT.done
}
