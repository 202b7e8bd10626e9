import { targetOptions } from '../../config/parsed.js'
import { LedgerError } from '../../domain/errors.js'
import type { RunsOutcome } from '../../domain/runs.js'
import { toolVersion } from '../../pipeline/version.js'
import { renderJson } from '../../report/json.js'
import { renderDiscarded, renderRun, renderRuns, renderUndone } from '../../report/runs.js'
import { createStyle, type Style } from '../../report/style.js'
import { mayChangeRun } from '../confirm.js'
import { EXIT } from '../exit-codes.js'
import type { Session } from '../session.js'

/** `obleth-ledger runs list`: every run that the target knows of. */
export async function runRunsList(session: Session): Promise<number> {
  const { runsList } = await import('../../pipeline/index.js')
  const outcome = await runsList(targetOptions(session.settings))
  return print(session, 'runs list', 'runs', outcome, renderRuns)
}

/** `obleth-ledger runs show`: one run, day by day. */
export async function runRunsShow(session: Session): Promise<number> {
  const { runsShow } = await import('../../pipeline/index.js')
  const outcome = await runsShow(targetOptions(session.settings), runOf(session))
  return print(session, 'runs show', 'run', outcome, renderRun)
}

/** `obleth-ledger runs discard`: drops what a run staged. */
export async function runRunsDiscard(session: Session): Promise<number> {
  const { runsDiscard } = await import('../../pipeline/index.js')
  const outcome = await runsDiscard(targetOptions(session.settings), runOf(session), changing(session, 'discard'))
  return print(session, 'runs discard', 'run', outcome, renderDiscarded)
}

/** `obleth-ledger runs undo`: takes back what a run published. */
export async function runRunsUndo(session: Session): Promise<number> {
  const { runsUndo } = await import('../../pipeline/index.js')
  const outcome = await runsUndo(targetOptions(session.settings), runOf(session), changing(session, 'undo'))
  return print(session, 'runs undo', 'undone', outcome, renderUndone)
}

function changing({ settings, asker, signal, printer }: Session, what: 'discard' | 'undo') {
  const { values } = settings
  const { url } = targetOptions(settings)
  return {
    breakLock: values['break-lock'],
    stateDir: values['state-dir'],
    signal,
    emit: printer.emit,
    confirm: (run: Parameters<typeof mayChangeRun>[1]) => mayChangeRun(what, run, url, values.yes, asker, signal),
  }
}

function runOf({ words }: Session): string {
  if (/^r[0-9a-z]{1,20}$/.test(words.run)) return words.run
  throw new LedgerError('usage', 'this is no name of a run', { hint: 'obleth-ledger runs list shows them' })
}

function print<Answer>(
  { settings, stdout, colors }: Session,
  command: string,
  name: string,
  outcome: RunsOutcome<Answer>,
  render: (outcome: RunsOutcome<Answer>, style: Style) => string,
): number {
  const { target, answer } = outcome
  const { values } = settings
  const document = () => ({ command, version: toolVersion(), status: 'ok', target, [name]: answer })
  if (values.json) stdout.write(renderJson(document()))
  else if (!values.quiet) stdout.write(render(outcome, createStyle(colors)))
  return EXIT.done
}
