import { LedgerError } from '../domain/errors.js'
import type { Expiring, Ttl } from '../domain/ttl.js'
import type { TargetState, UsageState } from './inspect-target.js'
import type { Ledger } from './ledger.js'

/** obleth's documented rule (DOMAIN section 1): rows go so many days after their request. */
const ruleOf = (days: number): string => `toDateTime(ts_ms / 1000) + toIntervalDay(${days})`

/** The rule of `usage`, with its days where it is the documented one. */
export function ttlOf({ ttl }: UsageState): Ttl | null {
  if (ttl === null) return null
  const days = /^toDateTime\(ts_ms \/ 1000\) \+ toIntervalDay\((\d+)\)$/.exec(ttl.expression)?.[1]
  return { ...ttl, days: days === undefined ? null : Number(days) }
}

/** Rows with `ts_ms` below a time, unix ms. */
export async function expiringBefore(ledger: Ledger, cutoffMs: number): Promise<Expiring> {
  const [{ rows, days, first, last }] = await ledger.rows<Record<'rows' | 'days' | 'first' | 'last', string>>(
    `SELECT toString(count()) AS rows, toString(uniqExact(intDiv(ts_ms, 86400000))) AS days,
       toString(min(ts_ms)) AS first, toString(max(ts_ms)) AS last
     FROM ${ledger.table('usage')} WHERE ts_ms < {cutoff:Int64}`,
    { cutoff: cutoffMs },
  )
  const some = rows !== '0'
  return {
    rows: Number(rows),
    days: Number(days),
    fromMs: some ? Number(first) : null,
    toMs: some ? Number(last) : null,
  }
}

const DAY_MS = 86_400_000

/** Rows with `ts_ms` below this are past a rule of so many days, unix ms. */
export const cutoffOf = (days: number, nowMs: number): number => Math.floor(nowMs / 1000) * 1000 - days * DAY_MS + 1000

/**
 * Gives `usage` the documented rule, in place of any other, and looks that it has it. Rows that are past it go as parts are
 * rewritten: soon, not at once.
 *
 * @throws LedgerError `refused` for a table whose rows are on other servers, `verification_failed` where it did not take
 */
export async function setTtl(
  ledger: Ledger,
  usage: UsageState,
  days: number,
  look: () => Promise<TargetState>,
): Promise<Ttl> {
  if (usage.family === 'distributed' || usage.family === 'other')
    throw new LedgerError('refused', `\`usage\` is a ${usage.engine} table, which has no TTL of its own`, {
      place: ledger.location,
      hint: `on each server: ALTER TABLE <the table behind usage> MODIFY TTL ${ruleOf(days)}`,
    })
  await ledger.command(`ALTER TABLE ${ledger.table('usage')} MODIFY TTL ${ruleOf(days)}`)
  const state = await look()
  const ttl = state.usage === null ? null : ttlOf(state.usage)
  if (ttl?.days === days) return ttl
  throw new LedgerError(
    'verification_failed',
    `the server took the change, and its TTL is ${ttl?.expression ?? 'none'}`,
    {
      place: ledger.location,
      hint: 'look at SHOW CREATE TABLE usage; obleth-ledger ttl show tells what holds',
    },
  )
}
