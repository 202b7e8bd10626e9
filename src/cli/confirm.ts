import { createInterface } from 'node:readline/promises'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import type { ReplayPlan } from '../domain/run.js'
import type { RunEntry } from '../domain/runs.js'

/** A terminal that can be asked, or null where there is none. */
export interface Asker {
  readonly input: NodeJS.ReadableStream
  readonly output: NodeJS.WritableStream
}

/** Why a server is not written to without being told. `first`: what to look at before. */
export function needsYes(location: string, doing = 'publishing to', first = 'the plan with --dry-run'): LedgerError {
  return new LedgerError('refused', `${doing} a server needs --yes, and there is no terminal to ask on`, {
    place: location,
    hint: `look at ${first}, then run the same command with --yes`,
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

/**
 * Whether a run may be changed: always on an embedded ledger or with `--yes`, otherwise by an answer.
 *
 * @throws LedgerError `refused` where nobody can be asked
 */
export async function mayChangeRun(
  what: 'discard' | 'undo',
  { runId, records }: RunEntry,
  server: string | undefined,
  yes: boolean,
  asker: Asker | null,
  signal: AbortSignal,
): Promise<boolean> {
  if (server === undefined || yes) return true
  if (asker === null) throw needsYes(server, `to ${what} a run of`, `it with \`runs show ${runId}\``)
  const question = what === 'undo' ? `Take back ${records} records of run ${runId}` : `Discard run ${runId}`
  return ask(asker, `${question} on ${printable(server)}? [y/N] `, signal)
}

/**
 * Whether what was found may be repaired: always on an embedded ledger or with `--yes`, otherwise by an answer.
 *
 * @throws LedgerError `refused` where nobody can be asked
 */
export async function mayRepair(
  server: string | undefined,
  yes: boolean,
  asker: Asker | null,
  show: () => void,
  signal: AbortSignal,
): Promise<boolean> {
  if (server === undefined || yes) return true
  if (asker === null) throw needsYes(server, 'to repair', 'what would be done with `repair --dry-run`')
  show()
  return ask(asker, `Repair this on ${printable(server)}? [y/N] `, signal)
}

/**
 * Whether rows may be dropped: with `--yes`, or where none are and the ledger is embedded; otherwise by an answer.
 *
 * @throws LedgerError `refused` where nobody can be asked
 */
export async function mayDrop(
  rows: number,
  server: string | undefined,
  yes: boolean,
  asker: Asker | null,
  show: () => void,
  signal: AbortSignal,
): Promise<boolean> {
  if (yes || (rows === 0 && server === undefined)) return true
  if (asker === null)
    throw new LedgerError('refused', `the change would drop ${rows} rows, and there is no terminal to ask on`, {
      hint: 'look at it with --dry-run, then run the same command with --yes',
    })
  show()
  return ask(asker, 'Change it? [y/N] ', signal)
}

/**
 * Whether a backup may be restored over what is there: with `--yes`, otherwise by an answer.
 *
 * @param place what it is restored into, for the question
 * @throws LedgerError `refused` where nobody can be asked
 */
export async function mayRestore(
  place: string,
  yes: boolean,
  asker: Asker | null,
  show: () => void,
  signal: AbortSignal,
): Promise<boolean> {
  if (yes) return true
  if (asker === null)
    throw new LedgerError('refused', 'a restore needs --yes, and there is no terminal to ask on', {
      place: printable(place),
      hint: 'look at the plan with --dry-run, then run the same command with --yes',
    })
  show()
  return ask(asker, `Restore into ${printable(place)}? [y/N] `, signal)
}

/**
 * Whether a server may be measured in a database made for that: with `--yes`, otherwise by an answer.
 *
 * @throws LedgerError `refused` where nobody can be asked
 */
export async function mayMeasure(
  server: string,
  yes: boolean,
  asker: Asker | null,
  signal: AbortSignal,
): Promise<boolean> {
  if (yes) return true
  if (asker === null) throw needsYes(server, 'to make a database for a measurement on', 'what --target embedded tells')
  return ask(asker, `Make a database on ${printable(server)}, fill it, and drop it again? [y/N] `, signal)
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
