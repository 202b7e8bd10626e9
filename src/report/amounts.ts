import type { Money } from '../domain/money.js'

/** Amounts below each other read best with as many digits behind the point. */
export function aligned(amounts: readonly Money[]): (amount: Money) => string {
  const fraction = (text: string) => text.split('.')[1]?.length ?? 0
  const digits = Math.max(2, ...amounts.map((amount) => fraction(amount.toString())))
  return (amount) => amount.round(digits).toFixed()
}
