import { LedgerError } from '../domain/errors.js'
import { literal } from './identifiers.js'
import type { Ledger } from './ledger.js'
import { pause } from './pause.js'

const BETWEEN_LOOKS_MS = 500
/** Longest wait for the end of a statement whose answer was lost. */
const SETTLE_MS = 600_000

/**
 * Waits until a server works on no statement any more whose id begins so: those that this ledger sent and that may change
 * something, where nothing else is asked for. An embedded engine has ended them when it answers. Throws `target_unreachable` where one does not end, `interrupted` where the signal aborts.
 */
export async function settled(ledger: Ledger, signal: AbortSignal, queryIds: string = ledger.queryIds): Promise<void> {
  if (ledger.kind === 'embedded') return
  const end = Date.now() + SETTLE_MS
  for (;;) {
    const running = await ledger.rows<{ id: string }>(
      `SELECT query_id AS id FROM system.processes WHERE startsWith(query_id, ${literal(queryIds)})`,
    )
    if (running.length === 0) return
    if (Date.now() > end)
      throw new LedgerError('target_unreachable', 'a statement whose answer was lost does not end', {
        place: `${ledger.location}, query_id ${running.map(({ id }) => id).join(', ')}`,
        hint: 'end it with KILL QUERY, then run the same command again',
      })
    await pause(BETWEEN_LOOKS_MS, signal)
  }
}
