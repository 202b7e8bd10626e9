import { targetOptions } from '../../config/parsed.js'
import { toolVersion } from '../../pipeline/version.js'
import { renderJson } from '../../report/json.js'
import { renderFindings, renderRepair } from '../../report/repair.js'
import { createStyle } from '../../report/style.js'
import { mayRepair } from '../confirm.js'
import { EXIT } from '../exit-codes.js'
import type { Session } from '../session.js'

/** `obleth-ledger repair`: 4 where something is left that it did not put right. */
export async function runRepair(session: Session): Promise<number> {
  const { settings, asker, signal, stdout, colors } = session
  const { values } = settings
  const target = targetOptions(settings)
  const { repair } = await import('../../pipeline/index.js')
  const outcome = await repair(target, {
    dryRun: values['dry-run'],
    repairRollup: values['repair-rollup'],
    lowerRollup: values['lower-rollup'],
    breakLock: values['break-lock'],
    stateDir: values['state-dir'],
    signal,
    emit: session.printer.emit,
    confirm: (found) => {
      const show = () => void asker?.output.write(renderFindings(found, createStyle(colors)))
      return mayRepair(target.url, values.yes, asker, show, signal)
    },
  })
  const { days, drifted } = outcome.left
  const clean = days.length === 0 && drifted.length === 0
  const status = clean ? 'ok' : 'mismatch'
  if (values.json) stdout.write(renderJson({ command: 'repair', version: toolVersion(), status, ...outcome }))
  else if (!values.quiet) stdout.write(renderRepair(outcome, createStyle(colors)))
  return clean ? EXIT.done : EXIT.mismatch
}
