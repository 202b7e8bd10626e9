import { replayOptions } from '../../config/parsed.js'
import { mayPublish, needsYes } from '../confirm.js'
import { exitCodeOfDocument } from '../exit-codes.js'
import type { Session } from '../session.js'

/** `obleth-ledger replay`: the exit code of its document. */
export async function runReplay({ settings, printer, signal, asker }: Session): Promise<number> {
  const options = replayOptions(settings)
  const { dryRun, stageOnly, yes, target } = options
  // Said before an hour of staging, not after it.
  if (target.url !== undefined && !dryRun && !stageOnly && !yes && asker === null) throw needsYes(target.url)
  const { replay } = await import('../../pipeline/index.js')
  const outcome = await replay(options, {
    emit: printer.emit,
    signal,
    confirm: (plan) => mayPublish(plan, yes, asker, printer.plan, signal),
  })
  printer.replay(outcome, dryRun ? 'before staging' : stageOnly ? 'before publishing' : 'nowhere')
  return exitCodeOfDocument(outcome.document)
}
