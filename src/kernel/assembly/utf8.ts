function continues(p: usize): bool {
  return (load<u8>(p) & 0xc0) === 0x80
}

/** True where [p, end) is UTF-8 as RFC 3629 has it: shortest forms, no surrogates, nothing beyond U+10FFFF. A quote stands at `end`. */
export function isUtf8(p: usize, end: usize): bool {
  while (p < end) {
    const first = load<u8>(p)
    const second = load<u8>(p, 1)
    if (first < 0x80) p++
    else if (first >= 0xc2 && first <= 0xdf) {
      if (!continues(p + 1)) return false
      p += 2
    } else if (first >= 0xe0 && first <= 0xef) {
      if (!continues(p + 1) || (first === 0xe0 && second < 0xa0) || (first === 0xed && second > 0x9f)) return false
      if (!continues(p + 2)) return false
      p += 3
    } else if (first >= 0xf0 && first <= 0xf4) {
      if (!continues(p + 1) || (first === 0xf0 && second < 0x90) || (first === 0xf4 && second > 0x8f)) return false
      if (!continues(p + 2) || !continues(p + 3)) return false
      p += 4
    } else return false
  }
  return true
}
