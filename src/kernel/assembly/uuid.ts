export const UUID_LENGTH: usize = 36

/** Bytes of a value other than hexadecimal digits: all ones. */
function noHex(text: v128): v128 {
  const digit = i8x16.le_u(i8x16.sub(text, i8x16.splat(0x30)), i8x16.splat(9))
  const letter = i8x16.le_u(i8x16.sub(v128.or(text, i8x16.splat(0x20)), i8x16.splat(0x61)), i8x16.splat(5))
  return v128.not(v128.or(digit, letter))
}

/** Sixteen hexadecimal digits as eight 16-bit numbers. */
function pairs(text: v128): v128 {
  const letter = v128.and(i8x16.shr_u(text, 6), i8x16.splat(1))
  const nine = i8x16.add(i8x16.shl(letter, 3), letter)
  const digits = i8x16.add(v128.and(text, i8x16.splat(15)), nine)
  return v128.and(v128.or(i16x8.shl(digits, 4), i16x8.shr_u(digits, 8)), i16x8.splat(255))
}

/**
 * Stores the hyphenated UUID at p in the arena's layout (see RecordArena); a vector with any bit set where there is none,
 * and what was stored is rubbish.
 */
export function uuid(p: usize, into: usize): v128 {
  const a = v128.load(p)
  const b = v128.load(p, 16)
  const c = v128.load(p, 19)
  const d = v128.load(p, 20)
  const first = v128.shuffle<u8>(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17)
  const second = v128.shuffle<u8>(c, d, 0, 1, 2, 3, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31)
  const bytes = i8x16.narrow_i16x8_u(pairs(first), pairs(second))
  v128.store(into, v128.shuffle<u8>(bytes, bytes, 7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8))
  const hyphens = v128.shuffle<u8>(a, c, 8, 13, 20, 20, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8)
  const last = i8x16.splat(<i8>(load<u8>(p, 18) ^ 0x2d))
  const noHyphen = v128.or(v128.xor(hyphens, i8x16.splat(0x2d)), last)
  return v128.or(v128.or(noHex(first), noHex(second)), noHyphen)
}
