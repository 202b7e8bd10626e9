const DECIMAL = /^([+-]?)(\d+)(?:\.(\d*))?(?:e([+-]?\d{1,4}))?$/i

/** An exact decimal amount: adding never rounds, whatever the sizes and the order. */
export class Money {
  static readonly zero = new Money(0n, 0)

  /** The amount is `units` / 10^`scale`; `scale` is not negative. */
  private constructor(
    private readonly units: bigint,
    private readonly scale: number,
  ) {}

  /** Reads `12`, `-0.0009327` or `1e-7`, every digit of it. @throws RangeError for anything else */
  static parse(text: string): Money {
    const match = DECIMAL.exec(text)
    if (match === null) throw new RangeError('not a decimal number')
    const [, sign, whole, fraction = '', exponent = '0'] = match
    const digits = BigInt(whole + fraction)
    const scale = fraction.length - Number(exponent)
    const units = scale < 0 ? digits * 10n ** BigInt(-scale) : digits
    return new Money(sign === '-' ? -units : units, Math.max(scale, 0))
  }

  plus(other: Money): Money {
    const scale = Math.max(this.scale, other.scale)
    return new Money(this.at(scale) + other.at(scale), scale)
  }

  minus(other: Money): Money {
    return this.plus(new Money(-other.units, other.scale))
  }

  times(count: bigint): Money {
    return new Money(this.units * count, this.scale)
  }

  isZero(): boolean {
    return this.units === 0n
  }

  /** To that many digits behind the point, halves away from zero, as invoices are rounded. */
  round(digits: number): Money {
    if (this.scale <= digits) return new Money(this.at(digits), digits)
    const step = 10n ** BigInt(this.scale - digits)
    const size = this.units < 0n ? -this.units : this.units
    const rounded = (size + step / 2n) / step
    return new Money(this.units < 0n ? -rounded : rounded, digits)
  }

  /** All digits in plain notation, without zeros that say nothing: `0.0009327`, `-12`. */
  toString(): string {
    const text = this.toFixed()
    return text.includes('.') ? text.replace(/\.?0+$/, '') : text
  }

  /** With as many digits behind the point as it holds: `12.50` once rounded to two. */
  toFixed(): string {
    const sign = this.units < 0n ? '-' : ''
    const digits = String(this.units < 0n ? -this.units : this.units).padStart(this.scale + 1, '0')
    const point = digits.length - this.scale
    return sign + digits.slice(0, point) + (this.scale === 0 ? '' : `.${digits.slice(point)}`)
  }

  /** The nearest double, for charts alone. */
  approximately(): number {
    return Number(this.toString())
  }

  private at(scale: number): bigint {
    return this.units * 10n ** BigInt(scale - this.scale)
  }
}
