const LIMB = 1e9

/** Sums decimal numbers of up to 17 digits as they are written, without rounding. */
export class DecimalSum {
  /** Sums of the digits for each power of ten: the last nine of each number apart, so that doubles hold them exactly. */
  private readonly byExponent = new Map<number, { high: number; low: number }>()

  /** @param text a decimal number of up to 17 digits, with or without fraction and exponent */
  add(text: string): void {
    if (text === '0.0') return
    const e = text.indexOf('e')
    const end = e < 0 ? text.length : e
    const point = text.indexOf('.')
    const digits = point < 0 ? text.slice(0, end) : text.slice(0, point) + text.slice(point + 1, end)
    const exponent = (e < 0 ? 0 : Number(text.slice(e + 1))) - (point < 0 ? 0 : end - point - 1)
    const sign = digits.startsWith('-') ? -1 : 1
    const high = digits.length > 9 ? Math.abs(Number(digits.slice(0, -9))) : 0
    const low = Math.abs(Number(digits.length > 9 ? digits.slice(-9) : digits))
    this.addDigits(exponent, sign * high, sign * low)
  }

  addAll(other: DecimalSum): void {
    for (const [exponent, { high, low }] of other.byExponent) this.addDigits(exponent, high, low)
  }

  private addDigits(exponent: number, high: number, low: number): void {
    let sum = this.byExponent.get(exponent)
    if (sum === undefined) {
      sum = { high: 0, low: 0 }
      this.byExponent.set(exponent, sum)
    }
    const all = sum.low + low
    const carry = Math.trunc(all / LIMB)
    sum.low = all - carry * LIMB
    sum.high += high + carry
  }

  /** The sum in plain notation, without trailing zeros. */
  toString(): string {
    const lowest = Math.min(0, ...this.byExponent.keys())
    let sum = 0n
    for (const [exponent, { high, low }] of this.byExponent)
      sum += (BigInt(high) * BigInt(LIMB) + BigInt(low)) * 10n ** BigInt(exponent - lowest)
    const sign = sum < 0n ? '-' : ''
    const digits = (sum < 0n ? -sum : sum).toString().padStart(1 - lowest, '0')
    const whole = digits.slice(0, digits.length + lowest)
    const fraction = digits.slice(digits.length + lowest).replace(/0+$/, '')
    return `${sign}${whole}${fraction === '' ? '' : `.${fraction}`}`
  }
}
