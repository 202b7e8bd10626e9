import type { Emit } from '../domain/events.js'
import { printable } from '../domain/printable.js'
import type { InspectOutcome, ReplayOutcome, ReplayPlan } from '../domain/run.js'
import { describeFailure, renderFailure } from './failure.js'
import { failedRunDocument, renderJson, replayDocument } from './json.js'
import { renderPlan } from './plan.js'
import { createProgress, type Screen } from './progress.js'
import { createStyle } from './style.js'
import { renderInspect, renderReplay } from './summary.js'

/** How a run is shown. */
export interface Look {
  readonly json: boolean
  readonly quiet: boolean
  readonly verbose: boolean
  /** Colours on stdout, on stderr. */
  readonly colors: { readonly out: boolean; readonly err: boolean }
}

/** Where a printer writes: data to `out`, everything else to `screen`. */
export interface Outputs {
  out(text: string): void
  readonly screen: Screen
}

/** What a command tells its reader; text for people and JSON for programs are two implementations. */
export interface Printer {
  readonly emit: Emit
  warn(message: string): void
  /** The plan, before the question whether to publish. */
  plan(plan: ReplayPlan): void
  /** At most one result or failure is printed on `out`; a second one is for `screen` alone. */
  replay(outcome: ReplayOutcome, stopped: 'nowhere' | 'before staging' | 'before publishing'): void
  inspect(outcome: InspectOutcome): void
  /** `command`: the one that failed, null where it is not known. `refused`: a safety check said no. */
  failure(error: unknown, command: string | null, refused: boolean): void
  /** Takes progress off the screen. */
  close(): void
}

export function createPrinter(look: Look, outputs: Outputs, version: string): Printer {
  return look.json ? jsonPrinter(look, outputs, version) : textPrinter(look, outputs)
}

/** What both printers do alike on the screen. */
function screenPart({ quiet, verbose, colors }: Look, { screen }: Outputs) {
  const style = createStyle(colors.err)
  const progress = createProgress(screen, style)
  return {
    emit: (quiet ? () => {} : progress.emit) satisfies Emit,
    warn: (message: string) => void screen.stream.write(`${style.warn('warning')} ${printable(message)}\n`),
    plan: (plan: ReplayPlan) => void screen.stream.write(`${renderPlan(plan, style).join('\n')}\n`),
    fail: (error: unknown) => {
      progress.close()
      screen.stream.write(renderFailure(error, verbose, style))
    },
    close: () => progress.close(),
  }
}

function textPrinter(look: Look, outputs: Outputs): Printer {
  const { fail, ...shared } = screenPart(look, outputs)
  const style = createStyle(look.colors.out)
  const view = { style, all: look.verbose }
  const summary = (text: string) => {
    shared.close()
    if (!look.quiet) outputs.out(text)
  }
  return {
    ...shared,
    replay(outcome, stopped) {
      if (stopped !== 'before staging') summary(renderReplay(outcome, stopped === 'before publishing', view))
      else {
        shared.close()
        outputs.out(`${renderPlan(outcome.plan, style).join('\n')}\n`)
      }
    },
    inspect: (outcome) => summary(renderInspect(outcome, view)),
    failure: (error) => fail(error),
  }
}

function jsonPrinter(look: Look, outputs: Outputs, version: string): Printer {
  const { fail, ...shared } = screenPart(look, outputs)
  let printed = false
  const print = (document: object) => {
    shared.close()
    if (!printed) outputs.out(renderJson(document))
    printed = true
  }
  return {
    ...shared,
    replay: ({ document, plan }, stopped) => {
      print(replayDocument(document, stopped === 'before staging' ? plan : undefined))
    },
    inspect: ({ document }) => print(document),
    failure(error, command, refused) {
      fail(error)
      const failure = describeFailure(error)
      const status = refused ? 'refused' : 'failed'
      if (command === 'replay' || command === 'inspect') print(failedRunDocument(command, version, refused, failure))
      else print({ command, version, status, error: failure })
    },
  }
}
