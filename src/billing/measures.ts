import type { Measures, Subtotal } from '../domain/bill.js'
import { Money } from '../domain/money.js'

export const NOTHING: Measures = {
  requests: 0n,
  successes: 0n,
  errors: 0n,
  inputTokens: 0n,
  outputTokens: 0n,
  cacheHits: 0n,
  cost: Money.zero,
  costless: 0n,
}

export function add(a: Measures, b: Measures): Measures {
  return {
    requests: a.requests + b.requests,
    successes: a.successes + b.successes,
    errors: a.errors + b.errors,
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    cacheHits: a.cacheHits + b.cacheHits,
    cost: a.cost.plus(b.cost),
    costless: a.costless + b.costless,
  }
}

export const sum = (items: Iterable<Measures>): Measures => {
  let total = NOTHING
  for (const item of items) total = add(total, item)
  return total
}

/** Sums by a name of the items, in the order of the names. */
export function subtotals<Item extends Measures>(items: readonly Item[], nameOf: (item: Item) => string): Subtotal[] {
  const sums = new Map<string, Measures>()
  for (const item of items) {
    const of = nameOf(item)
    sums.set(of, add(sums.get(of) ?? NOTHING, item))
  }
  return [...sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([of, measures]) => ({ of, ...measures }))
}
