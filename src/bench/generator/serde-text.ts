/**
 * Spells a double as serde_json does: the shortest digits that read back as the same double, always with a fraction
 * or an exponent, the exponent form below 1e-5 and from 1e16 on, `null` for what is not finite. JavaScript finds the
 * same digits but writes `12`, `0.000001` and `1e+21` where serde_json writes `12.0`, `1e-6` and `1e21`.
 */
export function f64Text(value: number): string {
  const size = Math.abs(value)
  if (size >= 1e-5 && size < 1e16) {
    const text = String(value)
    return text.includes('.') ? text : `${text}.0`
  }
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  if (!Number.isFinite(value)) return 'null'
  return value.toExponential().replace('+', '')
}

/**
 * Spells a string as serde_json does: quotes, backslashes and control characters escaped, everything else as it is.
 * JSON.stringify agrees on every well-formed string.
 * @returns with its quotes
 */
export function stringText(text: string): string {
  return JSON.stringify(text)
}
