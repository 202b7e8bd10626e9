import { createInterface } from 'node:readline/promises'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import type { ReplayPlan } from '../domain/run.js'

/** A terminal that can be asked, or null where there is none. */
export interface Asker {
  readonly input: NodeJS.ReadableStream
  readonly output: NodeJS.WritableStream
}

/** Why a server is not written to without being told. */
export function needsYes(location: string): LedgerError {
  return new LedgerError('refused', 'publishing to a server needs --yes, and there is no terminal to ask on', {
    place: location,
    hint: 'look at the plan with --dry-run, then run the same command with --yes',
  })
}

/**
 * Whether the plan may be carried out: always for an embedded ledger or with `--yes`, otherwise by an answer.
 *
 * @throws LedgerError `refused` where nobody can be asked
 */
export async function mayPublish(
  plan: ReplayPlan,
  yes: boolean,
  asker: Asker | null,
  show: (plan: ReplayPlan) => void,
  signal: AbortSignal,
): Promise<boolean> {
  if (plan.target.kind === 'embedded' || yes) return true
  if (asker === null) throw needsYes(plan.target.location)
  show(plan)
  const { location, database, table } = plan.target
  return ask(asker, `Publish to ${printable(`${database}.${table} on ${location}`)}? [y/N] `, signal)
}

async function ask({ input, output }: Asker, question: string, signal: AbortSignal): Promise<boolean> {
  // Not in terminal mode, where readline would keep Ctrl-C to itself.
  const lines = createInterface({ input, output, terminal: false })
  try {
    const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')))
    const answer = await Promise.race([lines.question(question, { signal }), ended])
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    lines.close()
  }
}
