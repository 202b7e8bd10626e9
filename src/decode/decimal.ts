import { bufferOver } from './bytes.js'

/** Powers of ten that a double holds exactly. */
const MAX_EXACT_POWER = 22
const POWER = Float64Array.from({ length: MAX_EXACT_POWER + 1 }, (_, n) => Number(`1e${n}`))
/** Dekker's split of each power: high + low is the power, and both have at most 26 significant bits. */
const SPLITTER = 2 ** 27 + 1
const POWER_HIGH = POWER.map((power) => power * SPLITTER - (power * SPLITTER - power))
const POWER_LOW = POWER.map((power, n) => power - POWER_HIGH[n])

/** Significant digits that `nearest` takes: 9 in `head`, up to 8 in `tail`. */
export const HEAD_DIGITS = 9
export const MAX_DIGITS = 17

/**
 * The double nearest to (head · 10^tailDigits + tail) · 10^exponent, or NaN where it takes `nearestToText`.
 * head has at most 9 digits, tail exactly tailDigits ≤ 8; head ≥ 10^8 where tailDigits > 0.
 */
export function nearest(head: number, tail: number, tailDigits: number, exponent: number): number {
  if (exponent < -MAX_EXACT_POWER || exponent > MAX_EXACT_POWER) return Number.NaN
  // head · 5^tailDigits < 2^49, so the product is exact; the sum is rounded and `rest` is what it lost.
  const scaled = head * POWER[tailDigits]
  const digits = scaled + tail
  const rest = tail - (digits - scaled)
  // One operation on exact operands rounds once, hence correctly.
  if (rest === 0) return exponent < 0 ? digits / POWER[-exponent] : digits * POWER[exponent]
  return exponent < 0 ? divide(digits, rest, -exponent) : Number.NaN
}

/**
 * (digits + rest) / 10^power rounded to nearest, or NaN where the error of this computation leaves two candidates.
 * The quotient's remainder is exact in double-double arithmetic (Dekker 1971), so the correction's relative error is
 * some 2^-51; if a bracket of 2^-48 around it rounds to one double, so does the true value, for rounding is monotone.
 */
function divide(digits: number, rest: number, power: number): number {
  const divisor = POWER[power]
  const high = POWER_HIGH[power]
  const low = POWER_LOW[power]
  const quotient = digits / divisor
  const product = quotient * divisor
  const spread = quotient * SPLITTER
  const quotientHigh = spread - (spread - quotient)
  const quotientLow = quotient - quotientHigh
  const productRest = quotientHigh * high - product + quotientHigh * low + quotientLow * high + quotientLow * low
  const correction = (digits - product - productRest + rest) / divisor
  const one = quotient + correction * (1 - 2 ** -48)
  const other = quotient + correction * (1 + 2 ** -48)
  return one === other ? one : Number.NaN
}

/** The double nearest to the JSON number bytes[start, end); ±Infinity where it is beyond the doubles. */
export function nearestToText(bytes: Uint8Array, start: number, end: number): number {
  return Number(bufferOver(bytes, start, end).toString('latin1'))
}
