import { addSums, isZero, type Sums, sameIntegers, zeroSums } from '../domain/rollup.js'

/**
 * What became of a group's surplus rows in the rollup. counted: the view counted them as well, as it does with those that
 * a pod inserts again. uncounted: they came past the view, by a move. unproven: neither explains what is there.
 */
export type SurplusDecision = 'counted' | 'uncounted' | 'unproven'

/**
 * Reads off a group's difference between rollup and raw table (`drift`, R − U with the surplus rows still there) whether
 * the rollup has counted the surplus: of a sound group the difference is zero, or what the last run left there on
 * purpose (`left`), once the surplus is out of both sides or out of `usage` alone. Where both or neither would be so,
 * nothing is guessed.
 */
export function decideSurplus(drift: Sums, surplus: Sums, left: Sums | undefined): SurplusDecision {
  // Benchmark rows never count: there is nothing to take out of the rollup.
  if (isZero(surplus)) return 'uncounted'
  const sound = (after: Sums) => isZero(after) || (left !== undefined && sameIntegers(after, left))
  const counted = sound(drift)
  const uncounted = sound(addSums(drift, surplus))
  if (counted === uncounted) return 'unproven'
  return counted ? 'counted' : 'uncounted'
}

/** R − U that shall be there once the surplus is out of `usage`. Only what is proven lowers the rollup. */
export function driftAfterRepair(drift: Sums, surplus: Sums, decision: SurplusDecision): Sums {
  return addSums(drift, decision === 'counted' ? zeroSums(surplus) : surplus)
}
