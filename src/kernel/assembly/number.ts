/** Where the number that was read last ends; 0 where there was none in the shape that is taken here. */
export let numberEnd: usize = 0

const ZEROS: u64 = 0x3030303030303030
const HIGH_BITS: u64 = 0x8080808080808080

/** A bit set in the high bit of each byte of `x` (text less ZEROS) from the first one that is no digit on. */
function beyondDigits(x: u64): u64 {
  return ((x + 0x7676767676767676) | x) & HIGH_BITS
}

/** The value of eight digits, the first one in the lowest byte. */
function eightDigits(x: u64): u64 {
  x = x * 10 + (x >> 8)
  return ((x & 0x000000ff000000ff) * 0x000f424000000064 + ((x >> 16) & 0x000000ff000000ff) * 0x0000271000000001) >> 32
}

/** The value of the first `n` (1 to 7) of eight bytes of which these are digits. */
function someDigits(x: u64, n: u64): u64 {
  return eightDigits(x << (64 - (n << 3)))
}

/** An unsigned integer of at most ten digits without leading zero, at most `most`; sets `numberEnd`. */
export function unsigned(p: usize, most: u64): u64 {
  const x = load<u64>(p) ^ ZEROS
  const beyond = beyondDigits(x)
  let n = ctz(beyond) >> 3
  let value: u64
  if (n < 8) {
    if (n === 0) {
      numberEnd = 0
      return 0
    }
    value = someDigits(x, n)
  } else {
    value = eightDigits(x)
    for (;;) {
      const digit = <u64>load<u8>(p + <usize>n) - 0x30
      if (digit > 9) break
      value = value * 10 + digit
      if (++n > 10) break
    }
    if (n > 10) value = u64.MAX_VALUE
  }
  numberEnd = value > most || (<u8>x === 0 && n > 1) ? 0 : p + <usize>n
  return value
}

/** Thirteen digits, as unix ms have; sets `numberEnd`. */
export function thirteenDigits(p: usize): u64 {
  const head = load<u64>(p) ^ ZEROS
  const tail = load<u64>(p + 8) ^ ZEROS
  const ok = beyondDigits(head) === 0 && ctz(beyondDigits(tail)) === 47
  numberEnd = ok ? p + 13 : 0
  return eightDigits(head) * 100000 + someDigits(tail, 5)
}

/** 10^n for n up to 19. */
const TENS = memory.data<u64>([
  1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000,
  10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000,
  10000000000000000000,
])

function ten(n: u64): u64 {
  return load<u64>(TENS + ((<usize>n) << 3))
}

const POINT: u8 = 0x2e
const MINUS: u8 = 0x2d

/**
 * A JSON number as the nearest double; sets `numberEnd`. At most 19 significant digits, at most 24 behind the point;
 * exponents are left to the careful reader, save those of one or two digits that serde_json writes for small figures.
 */
export function float(p: usize): f64 {
  const negative = load<u8>(p) === MINUS
  if (negative) p++
  let x = load<u64>(p) ^ ZEROS
  let n = ctz(beyondDigits(x)) >> 3
  if (n === 0 || n === 8 || (<u8>x === 0 && n > 1)) {
    numberEnd = 0
    return 0
  }
  let digits = someDigits(x, n)
  p += <usize>n
  let exponent: i64 = 0
  if (load<u8>(p) === POINT) {
    p++
    x = load<u64>(p) ^ ZEROS
    n = ctz(beyondDigits(x)) >> 3
    if (n === 0) {
      numberEnd = 0
      return 0
    }
    if (n < 8) {
      digits = digits * ten(n) + someDigits(x, n)
      p += <usize>n
      exponent = -(<i64>n)
    } else {
      digits = digits * 100000000 + eightDigits(x)
      p += 8
      exponent = -8
      x = load<u64>(p) ^ ZEROS
      n = ctz(beyondDigits(x)) >> 3
      if (n === 8) {
        if (digits > 99999999999) {
          numberEnd = 0
          return 0
        }
        digits = digits * 100000000 + eightDigits(x)
        p += 8
        exponent = -16
        x = load<u64>(p) ^ ZEROS
        n = ctz(beyondDigits(x)) >> 3
      }
      if (n === 8 || digits >= ten(19 - n)) {
        numberEnd = 0
        return 0
      }
      if (n !== 0) {
        digits = digits * ten(n) + someDigits(x, n)
        p += <usize>n
        exponent -= <i64>n
      }
    }
  }
  if ((load<u8>(p) | 0x20) === 0x65) {
    p++
    const down = load<u8>(p) === MINUS
    if (down || load<u8>(p) === 0x2b) p++
    x = load<u64>(p) ^ ZEROS
    n = ctz(beyondDigits(x)) >> 3
    if (n === 0 || n > 2) {
      numberEnd = 0
      return 0
    }
    const power = <i64>someDigits(x, n)
    exponent += down ? -power : power
    p += <usize>n
  }
  numberEnd = p
  const value = nearest(digits, exponent)
  return negative ? -value : value
}

/** Powers of ten that a double holds exactly. */
const EXACT_TENS = memory.data<f64>([
  1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
  1e21, 1e22,
])

export const LEAST_POWER: i64 = -60
export const MOST_POWER: i64 = 22
/** 128 bits of 5^power for each power, high half first; filled by the host. */
export const FIVES = memory.data(83 * 16)

/**
 * The double nearest to digits · 10^exponent. Within these powers the algorithm of Eisel and Lemire (Lemire, "Number
 * parsing at a gigabyte per second", 2021) is exact, or says that it is not sure; `numberEnd` then becomes 0, as beyond them.
 */
function nearest(digits: u64, exponent: i64): f64 {
  // One operation on exact operands rounds once, hence correctly.
  if (digits <= 9007199254740992 && exponent <= 0 && exponent >= -22)
    return <f64>digits / load<f64>(EXACT_TENS + ((<usize>-exponent) << 3))
  if (exponent < LEAST_POWER || exponent > MOST_POWER || digits === 0) {
    if (digits !== 0) numberEnd = 0
    return 0
  }
  const zeros = clz(digits)
  const w = digits << zeros
  const five = FIVES + ((<usize>(exponent - LEAST_POWER)) << 4)
  multiply(w, load<u64>(five))
  let low = productLow
  let high = productHigh
  if ((high & 0x1ff) === 0x1ff) {
    multiply(w, load<u64>(five, 8))
    low += productHigh
    if (productHigh > low) high++
  }
  if (low === u64.MAX_VALUE && exponent < -27) numberEnd = 0
  const upper = high >> 63
  const shift = upper + 9
  let mantissa = high >> shift
  let power = ((217706 * exponent) >> 16) + 63 + <i64>upper - <i64>zeros + 1023
  // Half way between two doubles: to the even one.
  if (low <= 1 && exponent >= -4 && exponent <= 23 && (mantissa & 3) === 1 && mantissa << shift === high) mantissa &= ~1
  mantissa += mantissa & 1
  mantissa >>= 1
  if (mantissa >= 0x20000000000000) {
    mantissa = 0x10000000000000
    power++
  }
  return reinterpret<f64>((mantissa & 0xfffffffffffff) | ((<u64>power) << 52))
}

let productLow: u64 = 0
let productHigh: u64 = 0

/** 64 × 64 bits to 128. */
function multiply(a: u64, b: u64): void {
  const al = a & 0xffffffff
  const ah = a >> 32
  const bl = b & 0xffffffff
  const bh = b >> 32
  const low = al * bl
  const middle = ah * bl + (low >> 32)
  const other = al * bh + (middle & 0xffffffff)
  productLow = (other << 32) | (low & 0xffffffff)
  productHigh = ah * bh + (middle >> 32) + (other >> 32)
}
