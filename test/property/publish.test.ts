import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { PublishWay } from '../../src/domain/options.js'
import { FIELDS } from '../../src/domain/record.js'

import { connect } from '../../src/ledger/connect.js'
import { inspectTarget } from '../../src/ledger/inspect-target.js'
import type { Ledger } from '../../src/ledger/ledger.js'
import { TargetLock } from '../../src/ledger/lock.js'
import { type PublishOptions, type PublishResult, publish } from '../../src/ledger/publish.js'
import { compareRollup, raiseRollup } from '../../src/ledger/rollup-check.js'
import { type RollupShape, rollupShape } from '../../src/ledger/rollup-shape.js'
import { createRunTables } from '../../src/ledger/run-tables.js'
import { createSchema } from '../../src/ledger/schema.js'
import { Staging } from '../../src/ledger/staging.js'
import { IMPATIENT } from '../support/patience.js'
import { insertOf, ROLLUP_SQL, type TestRecord } from '../support/records.js'
import { play, scenarioArb, sumsByGroup, type World } from './publish-model.js'

// Thousands of statements take long where others use the machine as well.
vi.setConfig({ testTimeout: 400_000 })

const RUN = 'rproperty'
const STAGING = `obleth.usage_replay_${RUN}`
const DAYS = ['20260310', '20260311']
const ROLLUP_COLUMNS = `requests, success_requests, error_requests, input_tokens, output_tokens, estimated_tokens,
  cache_hits, cache_misses, ttft_ms_sum, total_ms_sum`
/** Places of requests and error_requests among them: all by which rejected requests differ from nothing. */
const COUNTS = [0, 2]

const root = mkdtempSync(join(tmpdir(), 'publish-'))
const spoolDir = join(root, 'spool')
let ledger: Ledger
let lock: TargetLock
let partitions: PublishOptions['partitions']
let shape: RollupShape
let way: PublishWay
/** obleth's view, as the schema makes it. */
let view: string

beforeAll(async () => {
  mkdirSync(spoolDir)
  const embedded = join(root, 'ledger')
  ledger = await connect({
    url: undefined,
    user: 'default',
    password: undefined,
    caCertificates: undefined,
    database: 'obleth',
    embedded,
    timeoutMs: 30_000,
  })
  await createSchema(ledger)
  const [{ create_table_query }] = await ledger.rows<{ create_table_query: string }>(
    "SELECT create_table_query FROM system.tables WHERE database = 'obleth' AND name = 'usage_daily_mv'",
  )
  view = create_table_query
  const found = rollupShape(await inspectTarget(ledger))
  if (found === null) throw new Error('there is a rollup')
  shape = found
  await createRunTables(ledger)
  lock = await TargetLock.acquire(ledger, RUN, { breakLock: false }, IMPATIENT)
  await new Staging(ledger, RUN).create()
})
afterAll(async () => {
  await lock.release()
  await ledger.close()
  rmSync(root, { recursive: true, force: true })
})

const dropView = () => ledger.command('DROP TABLE IF EXISTS obleth.usage_daily_mv SYNC')

/** Lays the world into the tables: ledger, staging and its evidence, as a replay has them before it publishes. */
async function lay(world: World): Promise<void> {
  // The model says what the rollup has counted; a view would count what is laid into `usage` as well.
  await dropView()
  const runTables = ['usage_replay_ids', 'usage_replay_plan', 'usage_replay_steps']
  for (const table of ['usage', 'usage_daily', ...runTables]) await ledger.command(`TRUNCATE TABLE obleth.${table}`)
  for (const table of [STAGING, `${STAGING}_evidence`, `${STAGING}_known`])
    await ledger.command(`TRUNCATE TABLE ${table}`)
  const rows = async (table: string, records: readonly TestRecord[]) => {
    if (records.length > 0) await ledger.command(insertOf(records).replace('obleth.usage ', `${table} `))
  }
  await rows('obleth.usage', [...world.raw])
  await rows(STAGING, world.files)
  partitions = await new Staging(ledger, RUN).partitions()
  const daily = [...sumsByGroup(world.counted)].map(([key, sums]) => {
    const [day, tenant, keyId, model] = key.split(' ')
    return `('${day}', '${tenant}', '${keyId}', '${model}', ${sums.join(', ')})`
  })
  if (daily.length > 0)
    await ledger.command(
      `INSERT INTO obleth.usage_daily (day, tenant_id, key_id, model, ${ROLLUP_COLUMNS}) VALUES ${daily.join(', ')}`,
    )
  const evidence = world.files
    .map((one) => ({ one, known: world.acknowledged.has(one) ? 1 : 0, batch: world.batchOf.get(one) ?? 0 }))
    .filter(({ known, batch }) => known + batch > 0)
    .map(({ one, known, batch }) => `('${one.request_id}', ${known}, ${batch})`)
  if (evidence.length > 0) await ledger.command(`INSERT INTO ${STAGING}_evidence VALUES ${evidence.join(', ')}`)
  await ledger.command(view)
}

interface Fault {
  /** Number of the statement, of those that write. */
  readonly at: number
  /**
   * `half`: a MOVE copies some rows and stops, a block inserts some, of which the view counts a part; any other statement
   * is not reached.
   */
  readonly how: 'before' | 'after' | 'half'
}

class Interrupted extends Error {}

/** Statements that write, and the numbers of those that put rows into `usage`. */
interface Written {
  count: number
  readonly puts: number[]
}

/** The ledger, until the fault. */
function faulty(fault: Fault | null, written: Written): Ledger {
  const act = async (run: () => Promise<void>, sql: string) => {
    if (PUT.test(sql)) written.puts.push(written.count)
    const here = written.count++ === fault?.at
    if (here && fault?.how !== 'after') {
      if (fault?.how === 'half') await half(sql)
      throw new Interrupted(sql)
    }
    await run()
    if (here) throw new Interrupted(sql)
  }
  return {
    kind: ledger.kind,
    location: ledger.location,
    database: ledger.database,
    queryIds: ledger.queryIds,
    in: (database) => ledger.in(database),
    table: (name) => ledger.table(name),
    settings: (wanted) => ledger.settings(wanted),
    rows: (sql, params) => ledger.rows(sql, params),
    stream: (sql, params) => ledger.stream(sql, params),
    raw: (sql) => ledger.raw(sql),
    command: (sql, params, queryId) => act(() => ledger.command(sql, params, queryId), sql),
    insertNative: (insert) => act(() => ledger.insertNative(insert), insert.table),
    close: () => ledger.close(),
  }
}

const PUT = /MOVE PARTITION ID (?<moved>'\d+')|INSERT INTO `obleth`\.`usage` .*_partition_id = (?<inserted>'\d+')/s

/** What a server has done of such a statement that was killed with it. */
async function half(sql: string): Promise<void> {
  const { moved, inserted } = PUT.exec(sql)?.groups ?? {}
  const partition = moved ?? inserted
  if (partition === undefined) return
  const some = (n: number) => `INSERT INTO obleth.usage SETTINGS async_insert = 0
    SELECT * FROM ${STAGING} WHERE _partition_id = ${partition} AND cityHash64(request_id) % 4 = ${n}`
  if (inserted !== undefined) await ledger.command(some(0))
  await dropView()
  await ledger.command(some(1))
  await ledger.command(view)
}

function publishOnce(on: Ledger): Promise<PublishResult> {
  return publish({
    ledger: on,
    staging: new Staging(on, RUN),
    partitions,
    lock,
    shape,
    columns: FIELDS.map(({ name }) => name),
    way,
    repairRollup: true,
    spoolDir,
    signal: new AbortController().signal,
    published: () => {},
  })
}

/** Publishes; where the fault cuts it short, once more. Says whether it did, and how many statements wrote. */
async function publishThrough(fault: Fault | null): Promise<{ hit: boolean; written: Written; inserted: number }> {
  const written: Written = { count: 0, puts: [] }
  try {
    const { inserted } = await publishOnce(faulty(fault, written))
    return { hit: false, written, inserted }
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    const { inserted } = await publishOnce(ledger)
    return { hit: true, written, inserted }
  }
}

interface Outcome {
  readonly ids: readonly string[]
  readonly hash: string
  readonly rollup: ReadonlyMap<string, bigint[]>
}

async function outcome(): Promise<Outcome> {
  const ids = await ledger.rows<{ id: string }>('SELECT toString(request_id) AS id FROM obleth.usage ORDER BY id')
  const [{ hash }] = await ledger.rows<{ hash: string }>('SELECT sum(cityHash64(*)) AS hash FROM obleth.usage')
  const rollup = await ledger.rows<{ key: string; sums: string }>(ROLLUP_SQL)
  return {
    ids: ids.map(({ id }) => id),
    hash,
    rollup: new Map(rollup.map(({ key, sums }) => [key, sums.split(' ').map(BigInt)])),
  }
}

interface Planned {
  readonly decision: string
  readonly low: bigint
  readonly high: bigint
}

async function plans(): Promise<Map<string, Planned>> {
  const rows = await ledger.rows<{ group: string; decision: string; low: string; high: string }>(
    `SELECT concat(toString(toDate(parseDateTimeBestEffort(partition_id))), ' ', toString(tenant_id), ' ',
       toString(key_id), ' ', model) AS group, decision, toString(low_requests) AS low, toString(high_requests) AS high
     FROM obleth.usage_replay_plan`,
  )
  return new Map(
    rows.map(({ group, decision, low, high }) => [group, { decision, low: BigInt(low), high: BigInt(high) }]),
  )
}

const NOTHING = Array.from({ length: 10 }, () => 0n)
const union = (a: Iterable<TestRecord>, b: Iterable<TestRecord>) => new Set([...a, ...b])
const withoutCounts = (sums: readonly bigint[]) => sums.filter((_, i) => !COUNTS.includes(i))
const seen = { proven: 0, assumed: 0, mismatch: 0 }

/** Checks usage and rollup against the sets of requests; gives the sums that the rollup should differ in. */
function expectRight(world: World, { ids, rollup }: Outcome, plan: ReadonlyMap<string, Planned>): void {
  const usage = union(world.raw, world.files)
  expect(ids).toEqual([...usage].map(({ request_id }) => request_id).sort())
  const before = sumsByGroup(world.counted)
  const fresh = world.files.filter((one) => !world.raw.has(one))
  const truth = sumsByGroup(union(world.counted, fresh))
  for (const group of union2(before, truth, rollup)) {
    const is = rollup.get(group) ?? NOTHING
    const should = truth.get(group) ?? NOTHING
    const { decision, low, high } = plan.get(group) ?? { decision: 'none', low: 0n, high: 0n }
    if (decision === 'proven') {
      seen.proven++
      expect(withoutCounts(is), group).toEqual(withoutCounts(should))
    } else if (decision === 'assumed') {
      seen.assumed++
      expect(is[0] - should[0], group).toBeGreaterThanOrEqual(-low)
      expect(is[0] - should[0], group).toBeLessThanOrEqual(high)
    } else {
      // Left alone: without new rows, or without an explanation.
      if (decision !== 'none') seen.mismatch++
      expect(is, group).toEqual(before.get(group) ?? NOTHING)
    }
  }
}

const union2 = (...maps: ReadonlyMap<string, unknown>[]) => new Set(maps.flatMap((map) => [...map.keys()]))

/** What the comparison finds, and what raising changes: only groups that nobody left alone, and never downwards. */
async function expectComparison(world: World, { rollup }: Outcome, plan: ReadonlyMap<string, Planned>): Promise<void> {
  const raw = sumsByGroup(union(world.raw, world.files))
  const drifts = [...union2(raw, rollup)]
    .map((group) => ({ group, r: rollup.get(group) ?? NOTHING, u: raw.get(group) ?? NOTHING }))
    .filter(({ r, u }) => r.some((value, i) => value !== u[i]))
  const found = await compareRollup(ledger, shape, DAYS)
  const byGroup = (a: [string, unknown], b: [string, unknown]) => (a[0] < b[0] ? -1 : 1)
  // Costs are in no sum of the model's rollup, so groups that differ in them alone are left out.
  expect(
    found
      .filter(({ drift }) => drift.integers.some((value) => value !== 0n))
      .map(({ day, tenant, key, model, drift }): [string, unknown] => [
        `${day} ${tenant} ${key} ${model}`,
        drift.integers,
      ])
      .sort(byGroup),
  ).toEqual(drifts.map(({ group, r, u }): [string, unknown] => [group, r.map((v, i) => v - u[i])]).sort(byGroup))

  const raisable = drifts.filter(
    ({ group, r, u }) => r.every((v, i) => v <= u[i]) && (plan.get(group)?.decision ?? 'proven') === 'proven',
  )
  expect(await raiseRollup(ledger, spoolDir, shape, DAYS, IMPATIENT)).toBe(raisable.length)
  const raised = new Map(raisable.map(({ group, u }) => [group, u]))
  const after = (await outcome()).rollup
  for (const group of union2(raw, rollup))
    expect(after.get(group) ?? NOTHING, group).toEqual(raised.get(group) ?? rollup.get(group) ?? NOTHING)
}

describe.each(['move', 'insert'] as const)('publishing by %s into a ledger of which something was lost', (by) => {
  beforeAll(() => {
    way = by
  })

  it('gives every record once, a rollup that is right or left alone, whatever interrupts it', async () => {
    await fc.assert(
      fc.asyncProperty(
        scenarioArb,
        fc.record({ at: fc.nat(24), how: fc.constantFrom('before', 'after', 'half') }),
        async (scenario, fault) => {
          const world = play(scenario)
          await lay(world)
          const { inserted } = await publishThrough(null)
          const undisturbed = await outcome()
          const plan = await plans()
          const fresh = world.files.filter((one) => !world.raw.has(one))
          expect(inserted).toBe(fresh.length)
          expectRight(world, undisturbed, plan)
          await expectComparison(world, undisturbed, plan)

          await lay(world)
          const again = await publishThrough(fault)
          expect(again.inserted).toBe(fresh.length)
          expect(await outcome()).toEqual(undisturbed)
          expect(await plans()).toEqual(plan)
        },
      ),
      { numRuns: 40 },
    )
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(0)
  })

  it('goes on from between any two of its statements', async () => {
    const [scenario] = fc.sample(
      scenarioArb.filter((one) => {
        const { batchOf, raw, files } = play(one)
        const days = new Set(files.filter((r) => !raw.has(r)).map(({ ts_ms }) => new Date(ts_ms).getUTCDate()))
        return one.loss === 'rawInPart' && raw.size > 5 && batchOf.size > 3 && days.size === 2
      }),
      { numRuns: 1, seed: 20260310 },
    )
    const world = play(scenario)
    await lay(world)
    const { written } = await publishThrough(null)
    const undisturbed = await outcome()
    expectRight(world, undisturbed, await plans())
    expect(written.count).toBeGreaterThan(10)
    expect(written.puts).toHaveLength(DAYS.length)
    // Before a statement is after the one before it; a statement whose answer is lost is the same as one that is not sent.
    const faults: Fault[] = Array.from({ length: written.count }, (_, at) => ({
      at,
      how: at === 0 ? 'before' : 'after',
    }))
    for (const fault of [...faults, ...written.puts.map((at): Fault => ({ at, how: 'half' }))]) {
      await lay(world)
      const { hit } = await publishThrough(fault)
      expect(hit).toBe(true)
      expect(await outcome(), `${fault.how} statement ${fault.at}`).toEqual(undisturbed)
    }
  })
})
