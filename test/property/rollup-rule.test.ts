import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Sums } from '../../src/domain/rollup.js'
import {
  type BatchVerdicts,
  decideBatches,
  decideGroup,
  type GroupEvidence,
  remainingDrift,
} from '../../src/ledger/rollup-rule.js'

/**
 * A model of gateways and of what can happen to their ledger, worked with sets of requests instead of sums: it knows
 * which requests the rollup has counted. The rule sees only sums and evidence, as in a real outage.
 */
interface Request {
  readonly id: number
  readonly group: number
  /** 0 for rejected requests, which look alike; otherwise no two sets of requests have equal sums. */
  readonly tokens: bigint
}

interface Pod {
  /** Batches that went straight into the ledger: no file holds them. */
  readonly direct: Request[][]
  /** Batches in WAL files, in the order in which they are drained. */
  readonly spilled: Request[][]
  /** Number of spilled batches that were drained and whose checkpoint was written. */
  readonly acknowledged: number
  /** The next one was committed, too, without its checkpoint. */
  readonly committedWithout: boolean
  /** Numbers of requests, in draining order, that stood on lines that obleth rejects: salvaged, never counted. */
  readonly salvaged: readonly number[]
}

type Loss = 'nothing' | 'everything' | 'raw' | 'rawInPart' | 'rollup' | 'rollupInPart' | 'restoredRaw' | 'restoredBoth'

const GROUPS = 4
const requestArb = fc.record({
  group: fc.nat(GROUPS - 1),
  // Rejected requests of one key have equal sums; all others differ widely.
  tokens: fc.oneof(
    { weight: 1, arbitrary: fc.constant(0) },
    { weight: 5, arbitrary: fc.integer({ min: 1, max: 2 ** 30 }) },
  ),
})
const batchArb = fc.array(requestArb, { minLength: 1, maxLength: 4 })
const podArb = fc.record({
  direct: fc.array(batchArb, { maxLength: 2 }),
  spilled: fc.array(batchArb, { maxLength: 4 }),
  acknowledged: fc.nat(4),
  committedWithout: fc.boolean(),
  salvaged: fc.array(fc.nat(12), { maxLength: 2 }),
})
const scenarioArb = fc.record({
  pods: fc.array(podArb, { minLength: 1, maxLength: 3 }),
  loss: fc.constantFrom<Loss>(
    'nothing',
    'everything',
    'raw',
    'rawInPart',
    'rollup',
    'rollupInPart',
    'restoredRaw',
    'restoredBoth',
  ),
  /** Bits that say which requests a loss in part takes. */
  taken: fc.array(fc.boolean(), { minLength: 64, maxLength: 64 }),
})

/** Requests and tokens, as two integer sums stand for all ten. */
function sumsOf(requests: readonly Request[]): Sums {
  const tokens = requests.reduce((sum, request) => sum + request.tokens, 0n)
  return { integers: [BigInt(requests.length), tokens], floats: [] }
}

const minus = (a: Sums, b: Sums): Sums => ({ integers: a.integers.map((v, i) => v - b.integers[i]), floats: [] })

interface World {
  readonly raw: Set<Request>
  readonly counted: Set<Request>
  readonly files: Set<Request>
  readonly acknowledged: Set<Request>
  readonly batches: Map<number, Request[]>
  /** Of these, those that were committed. */
  readonly committed: Set<number>
}

/** Lets the gateways run, then loses what the scenario says. */
function play(scenario: {
  pods: readonly (typeof podArb extends fc.Arbitrary<infer P> ? P : never)[]
  loss: Loss
  taken: readonly boolean[]
}): World {
  let id = 0
  const distinct = (tokens: number, n: number) => (tokens === 0 ? 0n : BigInt(tokens) + (1n << BigInt(32 + n)))
  const number = (batches: readonly { group: number; tokens: number }[][]) =>
    batches.map((batch) =>
      batch.map(({ group, tokens }): Request => {
        const n = id++
        return { id: n, group, tokens: distinct(tokens, n) }
      }),
    )
  const pods: Pod[] = scenario.pods.map((pod) => ({ ...pod, direct: number(pod.direct), spilled: number(pod.spilled) }))
  const inserted: Request[] = []
  const files = new Set<Request>()
  const acknowledged = new Set<Request>()
  const batches = new Map<number, Request[]>()
  const committed = new Set<number>()
  for (const [p, pod] of pods.entries()) {
    inserted.push(...pod.direct.flat())
    const isSalvaged = new Set(pod.salvaged)
    let line = 0
    for (const [b, batch] of pod.spilled.entries()) {
      // obleth never inserts what it cannot read.
      const readable = batch.filter(() => !isSalvaged.has(line++))
      for (const request of batch) files.add(request)
      if (b < pod.acknowledged) {
        inserted.push(...readable)
        for (const request of readable) acknowledged.add(request)
      } else if (b === pod.acknowledged) {
        if (pod.committedWithout) inserted.push(...readable)
        if (readable.length > 0) batches.set(p + 1, readable)
        if (pod.committedWithout) committed.add(p + 1)
      }
    }
  }
  const raw = new Set(inserted)
  const counted = new Set(inserted)
  const older = inserted.filter(({ id: n }) => scenario.taken[n % 64])
  const { loss } = scenario
  if (loss === 'everything' || loss === 'raw' || loss === 'restoredRaw' || loss === 'restoredBoth') raw.clear()
  if (loss === 'everything' || loss === 'rollup' || loss === 'restoredBoth') counted.clear()
  if (loss === 'restoredRaw' || loss === 'restoredBoth') for (const request of older) raw.add(request)
  if (loss === 'restoredBoth') for (const request of older) counted.add(request)
  if (loss === 'rawInPart') for (const request of older) raw.delete(request)
  if (loss === 'rollupInPart') for (const request of older) counted.delete(request)
  return { raw, counted, files, acknowledged, batches, committed }
}

/** What the rule is told of one group. */
function evidenceOf(world: World, group: number): GroupEvidence & { all: Sums; truth: Sums } {
  const here = (requests: Iterable<Request>) => [...requests].filter((request) => request.group === group)
  const fresh = here(world.files).filter((request) => !world.raw.has(request))
  const batches = new Map<number, Sums>()
  for (const [number, batch] of world.batches) {
    const mine = here(batch).filter((request) => !world.raw.has(request) && !world.acknowledged.has(request))
    if (mine.length > 0) batches.set(number, sumsOf(mine))
  }
  return {
    drift: minus(sumsOf(here(world.counted)), sumsOf(here(world.raw))),
    acknowledged: sumsOf(fresh.filter((request) => world.acknowledged.has(request))),
    batches,
    all: sumsOf(fresh),
    truth: sumsOf(fresh.filter((request) => world.counted.has(request))),
  }
}

/** The verdicts take the batch for committed though it was not. */
function misjudged(world: World, verdicts: BatchVerdicts, id: number): boolean {
  return verdicts.decisions.get(id) === 'counted' && !world.committed.has(id)
}

function hasLookalikes(batch: readonly Request[]): boolean {
  return batch.some(({ group }) => batch.every((request) => request.group !== group || request.tokens === 0n))
}

/** Differences that come from rejected requests alone: nobody can tell those apart. */
const onlyRejected = (a: Sums, b: Sums) => a.integers[1] === b.integers[1]

describe('the rollup rule against a model of gateways', () => {
  it('counts every request once, or says that it cannot tell', () => {
    const seen = { proven: 0, assumed: 0, mismatch: 0 }
    fc.assert(
      fc.property(scenarioArb, (scenario) => {
        const world = play(scenario)
        const groups = Array.from({ length: GROUPS }, (_, group) => evidenceOf(world, group))
        const verdicts = decideBatches(groups)
        for (const group of groups) {
          const decision = decideGroup(group, verdicts)
          seen[decision.kind]++
          if (decision.kind === 'mismatch') {
            // Left alone: the difference between rollup and raw table, with the new rows in it, shows it to everybody.
            expect(remainingDrift(group.drift, decision, group.all)).toEqual(minus(group.drift, group.all))
          } else if (decision.kind === 'proven') {
            if (!onlyRejected(decision.counted, group.truth)) expect(decision.counted).toEqual(group.truth)
          } else {
            const low = decision.counted.integers[0] - group.truth.integers[0]
            const wrong = [...group.batches.keys()].filter((id) => misjudged(world, verdicts, id))
            // A batch can be taken for another only where it has a group of rejected requests alone.
            for (const id of wrong) expect(hasLookalikes(world.batches.get(id) ?? [])).toBe(true)
            if (wrong.length === 0) expect(low).toBeLessThanOrEqual(group.acknowledged.integers[0])
            expect(low).toBeLessThanOrEqual(decision.counted.integers[0])
            expect(-low).toBeLessThanOrEqual(decision.uncountedBatches.integers[0])
          }
        }
      }),
      { numRuns: 5000 },
    )
    // The scenarios reach every kind of decision, so none of the branches above stands idle.
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(100)
  })

  it('explains every group where only one thing was lost whole and no two requests look alike', () => {
    const distinct = scenarioArb.filter(
      ({ loss, pods }) =>
        (loss === 'everything' || loss === 'raw' || loss === 'nothing') &&
        pods.every(({ direct, spilled }) => [...direct, ...spilled].flat().every(({ tokens }) => tokens > 0)),
    )
    fc.assert(
      fc.property(distinct, (scenario) => {
        const world = play(scenario)
        const groups = Array.from({ length: GROUPS }, (_, group) => evidenceOf(world, group))
        const verdicts = decideBatches(groups)
        for (const group of groups) {
          const decision = decideGroup(group, verdicts)
          expect(decision.kind).not.toBe('mismatch')
          // Rows that went straight into a lost raw table are in no file: only then is anything assumed.
          if (decision.kind === 'assumed') expect(scenario.loss).toBe('raw')
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('single decisions', () => {
  const sums = (requests: number, tokens: number): Sums => ({
    integers: [BigInt(requests), BigInt(tokens)],
    floats: [],
  })
  const group = (drift: Sums, acknowledged: Sums, ...batches: [number, Sums][]): GroupEvidence => ({
    drift,
    acknowledged,
    batches: new Map(batches),
  })
  const decide = (one: GroupEvidence, ...others: GroupEvidence[]) => decideGroup(one, decideBatches([one, ...others]))

  it('adds everything where rollup and raw table agree', () => {
    expect(decide(group(sums(0, 0), sums(3, 30), [1, sums(2, 20)]))).toEqual({ kind: 'proven', counted: sums(0, 0) })
  })

  it('takes acknowledged records, and a batch that fits, as counted', () => {
    expect(decide(group(sums(5, 50), sums(3, 30), [1, sums(2, 20)], [2, sums(2, 21)]))).toEqual({
      kind: 'proven',
      counted: sums(5, 50),
    })
  })

  it('does not choose between two batches of equal sums', () => {
    expect(decide(group(sums(2, 0), sums(0, 0), [1, sums(2, 0)], [2, sums(2, 0)]))).toEqual({
      kind: 'mismatch',
      reason: 'ambiguous',
    })
  })

  it('chooses between them where another group proves one', () => {
    const here = group(sums(2, 0), sums(0, 0), [1, sums(2, 0)], [2, sums(2, 0)])
    const elsewhere = group(sums(1, 9), sums(0, 0), [2, sums(1, 9)])
    expect(decide(here, elsewhere)).toEqual({ kind: 'proven', counted: sums(2, 0) })
  })

  it('reports a batch that one group shows as committed and another as not', () => {
    const yes = group(sums(1, 7), sums(0, 0), [1, sums(1, 7)])
    const no = group(sums(0, 0), sums(0, 0), [1, sums(1, 8)])
    expect(decide(yes, no)).toEqual({ kind: 'mismatch', reason: 'contradiction' })
    expect(decide(no, yes)).toEqual({ kind: 'mismatch', reason: 'contradiction' })
  })

  it('assumes that acknowledged records were counted where more is missing than the files hold', () => {
    expect(decide(group(sums(9, 90), sums(3, 30), [1, sums(2, 25)]))).toEqual({
      kind: 'assumed',
      counted: sums(3, 30),
      uncountedBatches: sums(2, 25),
    })
  })

  it('keeps its bounds where a rejected request elsewhere made a batch look committed', () => {
    // Two requests were lost whose copies no file holds; the batch was never committed, but its rejected request looks
    // like one that was.
    const elsewhere = group(sums(1, 0), sums(0, 0), [1, sums(1, 0)])
    const here = group(sums(2, 90), sums(0, 0), [1, sums(1, 40)])
    expect(decide(here, elsewhere)).toEqual({ kind: 'assumed', counted: sums(1, 40), uncountedBatches: sums(0, 0) })
  })

  it('leaves a rollup alone that has less than the raw table', () => {
    expect(decide(group(sums(-4, -40), sums(0, 0)))).toEqual({ kind: 'mismatch', reason: 'unexplained' })
  })

  it('gives up on many equal batches instead of searching for ever', () => {
    const batches = Array.from({ length: 40 }, (_, i): [number, Sums] => [i + 1, sums(1, 1)])
    expect(decide(group(sums(20, 20), sums(0, 0), ...batches)).kind).toBe('mismatch')
  })
})
