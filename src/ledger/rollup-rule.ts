import { addSums, atLeast, isZero, type Sums, zeroSums } from '../domain/rollup.js'

/**
 * The rollup rule: which of the rows about to be published has `usage_daily` counted already?
 *
 * Every non-benchmark row of `usage` must count in `usage_daily` exactly once. A record that a pod's checkpoint
 * acknowledged went through the view, so a rollup that outlived the raw table still counts it; one that stood behind the
 * checkpoint did not, except for one last batch per pod whose insert may have succeeded without its checkpoint being
 * written. What really happened is read off the difference between rollup and raw table, and where that difference
 * admits more than one explanation nothing is guessed: the group is reported.
 *
 * Pure functions over one group (day, tenant, key, model); requests of equal sums cannot be told apart by anyone.
 */
export interface GroupEvidence {
  /** R − U: rollup less raw table, before anything is published. */
  readonly drift: Sums
  /** Sums of the new rows that were acknowledged, or that an earlier run of ours published (E). */
  readonly acknowledged: Sums
  /** Sums of the new rows of each candidate batch that has rows here, without those in `acknowledged` (X). */
  readonly batches: ReadonlyMap<number, Sums>
}

export type BatchDecision = 'counted' | 'uncounted'

export type Decision =
  /** The difference has one explanation: `counted` is exactly what the rollup holds already. */
  | { readonly kind: 'proven'; readonly counted: Sums }
  /**
   * More is missing from the raw table than the files give back: acknowledged rows, and batches that other groups show as
   * committed, are taken as counted. A lookalike elsewhere can have shown a batch in the wrong light, so each sum is a bound
   * of its own: the rollup is too low by at most `counted`, too high by at most `uncountedBatches`.
   */
  | { readonly kind: 'assumed'; readonly counted: Sums; readonly uncountedBatches: Sums }
  /** No explanation, or several: the rollup is left alone. */
  | { readonly kind: 'mismatch'; readonly reason: 'unexplained' | 'ambiguous' | 'contradiction' }

/** Search steps after which a group counts as ambiguous: subsets of many equal batches grow without bound. */
const MAX_SEARCH_STEPS = 20_000

/** Subsets of `batches` whose sums are exactly `rest`; stops after `limit` of them. Null where the search grew too large. */
function exactSubsets(batches: readonly [number, Sums][], rest: Sums, limit: number): number[][] | null {
  const found: number[][] = []
  const chosen: number[] = []
  let steps = 0
  const search = (at: number, left: Sums): boolean => {
    if (++steps > MAX_SEARCH_STEPS) return false
    if (isZero(left)) {
      // Every batch holds at least one request, so nothing further can be added.
      found.push([...chosen])
      return true
    }
    for (let i = at; i < batches.length && found.length < limit; i++) {
      const [id, sums] = batches[i]
      if (!atLeast(left, sums)) continue
      chosen.push(id)
      const within = search(i + 1, { integers: left.integers.map((v, k) => v - sums.integers[k]), floats: left.floats })
      chosen.pop()
      if (!within) return false
    }
    return true
  }
  return search(0, rest) ? found : null
}

/** The ways to explain the drift exactly, as sets of counted batches; [] where there is none, null where there are too many to tell. */
function explanations(group: GroupEvidence, known: ReadonlyMap<number, BatchDecision>): number[][] | null {
  if (isZero(group.drift)) return [[]]
  if (!atLeast(group.drift, group.acknowledged)) return []
  const fixed = [...group.batches].filter(([id]) => known.get(id) === 'counted')
  const open = [...group.batches].filter(([id]) => !known.has(id))
  let rest: Sums = { integers: group.drift.integers.map((v, i) => v - group.acknowledged.integers[i]), floats: [] }
  for (const [, sums] of fixed) {
    if (!atLeast(rest, sums)) return []
    rest = { integers: rest.integers.map((v, i) => v - sums.integers[i]), floats: [] }
  }
  const subsets = exactSubsets(open, rest, 2)
  return subsets === null ? null : subsets.map((ids) => [...fixed.map(([id]) => id), ...ids])
}

export interface BatchVerdicts {
  readonly decisions: ReadonlyMap<number, BatchDecision>
  /** Batches that one group shows as counted and another as not. */
  readonly contradictory: ReadonlySet<number>
}

/**
 * Decides each candidate batch once, over all groups of all days it touches: a batch was committed whole or not at all.
 * A choice proven in one group narrows those of the others, until nothing changes any more.
 */
export function decideBatches(groups: readonly GroupEvidence[]): BatchVerdicts {
  const decisions = new Map<number, BatchDecision>()
  const contradictory = new Set<number>()
  for (let changed = true; changed; ) {
    changed = false
    for (const group of groups) {
      if (group.batches.size === 0) continue
      // Each group speaks for itself first; only where it leaves a choice do the others narrow it.
      const alone = explanations(group, new Map())
      const ways = alone === null || alone.length > 1 ? explanations(group, decisions) : alone
      if (ways === null || ways.length !== 1) continue
      for (const id of group.batches.keys()) {
        const says = ways[0].includes(id) ? 'counted' : 'uncounted'
        const before = decisions.get(id)
        if (before === undefined) {
          decisions.set(id, says)
          changed = true
        } else if (before !== says && !contradictory.has(id)) {
          contradictory.add(id)
        }
      }
    }
  }
  return { decisions, contradictory }
}

/** What the rollup holds already of one group's new rows, given what is known of the batches. */
export function decideGroup(group: GroupEvidence, verdicts: BatchVerdicts): Decision {
  for (const id of group.batches.keys()) {
    if (verdicts.contradictory.has(id)) return { kind: 'mismatch', reason: 'contradiction' }
  }
  const none = zeroSums(group.drift)
  if (isZero(group.drift)) return { kind: 'proven', counted: none }
  const ways = explanations(group, verdicts.decisions)
  if (ways === null || ways.length > 1) return { kind: 'mismatch', reason: 'ambiguous' }
  if (ways.length === 1) {
    return { kind: 'proven', counted: total(group, ways[0]) }
  }
  const provenIds = [...group.batches.keys()].filter((id) => verdicts.decisions.get(id) === 'counted')
  const counted = total(group, provenIds)
  const more = group.drift.integers[0] > group.acknowledged.integers[0]
  if (!more || !atLeast(group.drift, counted)) return { kind: 'mismatch', reason: 'unexplained' }
  const others = [...group.batches].filter(([id]) => !provenIds.includes(id)).map(([, sums]) => sums)
  return { kind: 'assumed', counted, uncountedBatches: others.reduce(addSums, none) }
}

function total(group: GroupEvidence, batches: readonly number[]): Sums {
  return batches.reduce((sum, id) => addSums(sum, group.batches.get(id) ?? zeroSums(sum)), group.acknowledged)
}

/** The drift that shall remain after publishing: T = R − U − C. `all`: sums of all the group's new rows. */
export function remainingDrift(drift: Sums, decision: Decision, all: Sums): Sums {
  const counted = decision.kind === 'mismatch' ? all : decision.counted
  return addSums(drift, { integers: counted.integers.map((v) => -v), floats: counted.floats.map((v) => -v) })
}

/** True where raising the rollup by U − R cannot lower any sum: R ≤ U everywhere, and not equal. */
export function canBeRaised(drift: Sums): boolean {
  return !isZero(drift) && atLeast(zeroSums(drift), drift)
}
