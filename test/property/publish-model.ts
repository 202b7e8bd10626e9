import fc from 'fast-check'
import { record, rollupOf, START_MS, type TestRecord } from '../support/records.js'

/**
 * Gateways, what can happen to their ledger, and what a replay's files then hold: the model of rollup-rule.test.ts with
 * whole records instead of sums, so that it can be laid into real tables.
 */
export interface World {
  /** What `usage` holds. */
  readonly raw: ReadonlySet<TestRecord>
  /** What `usage_daily` has counted. */
  readonly counted: ReadonlySet<TestRecord>
  /** What a replay stages. */
  readonly files: readonly TestRecord[]
  readonly acknowledged: ReadonlySet<TestRecord>
  /** The candidate batch that a record behind a checkpoint belongs to. */
  readonly batchOf: ReadonlyMap<TestRecord, number>
}

const requestArb = fc.record({
  day: fc.nat(1),
  tenant: fc.nat(1),
  // Rejected requests look alike; any two sets of the others have different sums.
  type: fc.oneof(
    { weight: 5, arbitrary: fc.constant('chat') },
    { weight: 1, arbitrary: fc.constant('rejected') },
    { weight: 1, arbitrary: fc.constant('benchmark') },
  ),
})
const batchesArb = (most: number) => fc.array(fc.array(requestArb, { minLength: 1, maxLength: 4 }), { maxLength: most })
const podArb = fc.record({
  /** Went straight into the ledger: no file holds them. */
  direct: batchesArb(2),
  /** In WAL files, in draining order. */
  spilled: batchesArb(4),
  /** Of the spilled batches, drained and with the checkpoint written. */
  acknowledged: fc.nat(4),
  /** The next one was committed without its checkpoint. */
  committedWithout: fc.boolean(),
  /** Lines that obleth rejects: salvaged from the files, never inserted. */
  salvaged: fc.array(fc.nat(12), { maxLength: 2 }),
})

export const scenarioArb = fc.record({
  pods: fc.array(podArb, { minLength: 1, maxLength: 3 }),
  loss: fc.constantFrom('nothing', 'everything', 'raw', 'rawInPart', 'rollup', 'rollupInPart', 'bothRestored'),
  /** Which requests a loss in part, or an older backup, takes. */
  taken: fc.array(fc.boolean(), { minLength: 16, maxLength: 16 }),
})

type Scenario = typeof scenarioArb extends fc.Arbitrary<infer S> ? S : never

export function play({ pods, loss, taken }: Scenario): World {
  let n = 0
  const made = (batches: Scenario['pods'][number]['spilled']) =>
    batches.map((batch) => batch.map(({ day, tenant, type }) => request(n++, day, tenant, type)))
  const inserted: TestRecord[] = []
  const files: TestRecord[] = []
  const acknowledged = new Set<TestRecord>()
  const batchOf = new Map<TestRecord, number>()
  for (const [p, pod] of pods.entries()) {
    inserted.push(...made(pod.direct).flat())
    let line = 0
    for (const [b, batch] of made(pod.spilled).entries()) {
      const readable = batch.filter(() => !pod.salvaged.includes(line++))
      files.push(...batch)
      const drained = b < pod.acknowledged
      if (drained || (b === pod.acknowledged && pod.committedWithout)) inserted.push(...readable)
      for (const one of readable)
        if (drained) acknowledged.add(one)
        else if (b === pod.acknowledged) batchOf.set(one, p + 1)
    }
  }
  const isTaken = (_: TestRecord, i: number) => taken[i % taken.length]
  const notTaken = (one: TestRecord, i: number) => !isTaken(one, i)
  const raw =
    loss === 'everything' || loss === 'raw'
      ? []
      : loss === 'rawInPart' || loss === 'bothRestored'
        ? inserted.filter(notTaken)
        : inserted
  const counted =
    loss === 'everything' || loss === 'rollup'
      ? []
      : loss === 'rollupInPart' || loss === 'bothRestored'
        ? inserted.filter(notTaken)
        : inserted
  return { raw: new Set(raw), counted: new Set(counted), files, acknowledged, batchOf }
}

/** The n-th request; a bit of its own in one of the three token columns makes every sum of requests unlike all others. */
function request(n: number, day: number, tenant: number, type: string): TestRecord {
  const rejected = type === 'rejected'
  const bit = (from: number) => (!rejected && n >= from && n < from + 31 ? 2 ** (n - from) : 0)
  return record(n, {
    tenant_id: record(tenant).tenant_id,
    key_id: record(0).key_id,
    model: 'm',
    status_code: rejected ? 429 : 200,
    input_tokens: bit(0),
    output_tokens: bit(31),
    estimated_tokens: bit(62),
    ttft_ms: rejected ? 0 : 5,
    total_ms: rejected ? 0 : 50,
    cache_status: 'off',
    cost_usd: rejected ? 0 : (n + 1) / 1024,
    ts_ms: START_MS + day * 86_400_000 + n,
    request_type: type === 'benchmark' ? 'benchmark' : 'chat',
  })
}

/** The integer sums of a set of requests by group, as numbers in the order of the rollup's columns. */
export function sumsByGroup(records: Iterable<TestRecord>): Map<string, bigint[]> {
  return new Map(Object.entries(rollupOf([...records])).map(([key, sums]) => [key, sums.split(' ').map(BigInt)]))
}
