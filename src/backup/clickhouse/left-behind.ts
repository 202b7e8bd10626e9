import { literal } from '../../ledger/identifiers.js'
import type { Ledger } from '../../ledger/ledger.js'
import { makerIsGone } from '../../ledger/scratch-database.js'
import { startOf } from '../id.js'
import { scratchPrefix } from './names.js'

/** A database whose maker is on another machine counts as left behind after this. */
const LEFT_AFTER_MS = 24 * 3_600_000

/**
 * Snapshots and trials whose makers are gone. Those of other machines may live; after a day they are taken for dead. What
 * holds a restored ledger, or one of before, is never among them.
 */
export async function leftBehind(ledger: Ledger): Promise<string[]> {
  const names: string[] = []
  for (const kind of ['backup', 'trial'] as const) {
    const prefix = scratchPrefix(ledger.database, kind)
    const found = await ledger.rows<{ name: string; comment: string }>(
      `SELECT name, comment FROM system.databases WHERE startsWith(name, ${literal(prefix)}) ORDER BY name`,
    )
    for (const { name, comment } of found) {
      const startedMs = startOf(name.slice(prefix.length).replace('_', '-'))
      if (startedMs !== null && isLeft(ledger, comment, startedMs)) names.push(name)
    }
  }
  return names
}

function isLeft(ledger: Ledger, comment: string, startedMs: number): boolean {
  // Only one process can have it open, and that is this one.
  if (ledger.kind === 'embedded') return true
  return makerIsGone(comment) ?? Date.now() - startedMs > LEFT_AFTER_MS
}
