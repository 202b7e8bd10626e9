import { createHash } from 'node:crypto'
import { LedgerError } from '../domain/errors.js'
import { FLOAT_TOLERANCE, isZero, type Sums, subtractSums, zeroSums } from '../domain/rollup.js'
import { type DriftMap, dayOf, type RawSums, readDrift, readDriftFrom } from './drift.js'
import { insertRows } from './insert-rows.js'
import type { Ledger } from './ledger.js'
import type { RollupShape } from './rollup-shape.js'

const ATTEMPTS = 6

/** What to bring a group's R − U to. */
export interface WantedDrift {
  readonly tenant: string
  readonly key: string
  readonly model: string
  readonly remain: Sums
}

/** What is known of a day without a look, where nobody else writes. By group. */
export interface KnownSides {
  /** What the rollup lacks. */
  readonly lacking: ReadonlyMap<string, Sums>
  /** What all rows in `usage` sum up to; null where some of them were there before. */
  readonly raw: ReadonlyMap<string, RawSums> | null
}

/**
 * Inserts into `usage_daily` what its groups lack to be at the drift wanted, T − (R − U), and looks again until nothing
 * is left to add. By differences, so that unrelated traffic, which moves R and U alike, disturbs nothing; each attempt
 * looks first, so that an insert whose answer was lost is not repeated. The first insert has a token that its rows make:
 * where one like it is held back on its way and comes after its repetition, it comes to nothing. Where the server drops it
 * for one that was long ago, the next attempt, with a fresh token, brings it. Returns the drift seen last.
 * `known`: what is lacking at first, where the caller knows it, and a cheaper way to look.
 */
export async function settleRollup(
  ledger: Ledger,
  spoolDir: string,
  shape: RollupShape,
  partitionId: string,
  wanted: ReadonlyMap<string, WantedDrift>,
  known: KnownSides | null = null,
): Promise<DriftMap> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const lackingNow = attempt === 0 ? known?.lacking : undefined
    const drift: DriftMap = lackingNow !== undefined ? new Map() : await look(ledger, shape, partitionId, known)
    const rows: object[] = []
    for (const [key, { tenant, key: keyId, model, remain }] of wanted) {
      const lacking = lackingNow?.get(key) ?? subtractSums(remain, drift.get(key)?.drift ?? zeroSums(remain))
      if (isZero(lacking) && (attempt > 0 || negligible(lacking, remain))) continue
      rows.push({ ...row(shape, lacking), day: dayOf(partitionId), tenant_id: tenant, key_id: keyId, model })
    }
    if (rows.length === 0 && lackingNow === undefined) return drift
    const token = attempt === 0 ? createHash('sha256').update(JSON.stringify(rows)).digest('hex') : undefined
    await insertRows(ledger, spoolDir, 'usage_daily', dailyColumns(shape), rows, token)
  }
  throw new LedgerError('refused', `the rollup of ${dayOf(partitionId)} does not come to rest`, {
    place: `${ledger.location}, ${ledger.database}.usage_daily`,
    hint: 'stop whatever else writes to usage or usage_daily, then run the same command again',
  })
}

function look(ledger: Ledger, shape: RollupShape, partitionId: string, known: KnownSides | null): Promise<DriftMap> {
  const raw = known?.raw ?? null
  return raw === null ? readDrift(ledger, shape, partitionId) : readDriftFrom(ledger, shape, partitionId, raw)
}

/** Float differences that are the noise of float sums, where the integers are right already. */
function negligible(lacking: Sums, remain: Sums): boolean {
  return lacking.floats.every((value, i) => Math.abs(value) <= FLOAT_TOLERANCE * Math.abs(remain.floats[i]))
}

function dailyColumns(shape: RollupShape) {
  return [
    { name: 'day', type: 'Date' },
    { name: 'tenant_id', type: 'UUID' },
    { name: 'key_id', type: 'UUID' },
    { name: 'model', type: 'String' },
    ...shape.columns.map(({ name, kind }) => ({ name, type: kind === 'integer' ? 'UInt64' : 'Float64' })),
  ]
}

/** A negative difference is written as its 64-bit complement: a SummingMergeTree adds modulo 2^64. */
function row(shape: RollupShape, sums: Sums): Record<string, string | number> {
  let [integer, float] = [0, 0]
  return Object.fromEntries(
    shape.columns.map(({ name, kind }) => [
      name,
      kind === 'integer' ? String(BigInt.asUintN(64, sums.integers[integer++])) : sums.floats[float++],
    ]),
  )
}
