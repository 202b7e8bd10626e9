import { at, HEAP, STARTS } from './places'

// Each writes what `n` rows, whose numbers stand at `rows`, have in a column to `to`, one behind the other.

export function gather2(column: usize, rows: usize, n: u32, to: usize): void {
  for (const end = rows + ((<usize>n) << 2); rows < end; rows += 4, to += 2)
    store<u16>(to, load<u16>(column + ((<usize>load<u32>(rows)) << 1)))
}

export function gather4(column: usize, rows: usize, n: u32, to: usize): void {
  for (const end = rows + ((<usize>n) << 2); rows < end; rows += 4, to += 4)
    store<u32>(to, load<u32>(column + ((<usize>load<u32>(rows)) << 2)))
}

export function gather8(column: usize, rows: usize, n: u32, to: usize): void {
  for (const end = rows + ((<usize>n) << 2); rows < end; rows += 4, to += 8)
    store<u64>(to, load<u64>(column + ((<usize>load<u32>(rows)) << 3)))
}

export function gather16(column: usize, rows: usize, n: u32, to: usize): void {
  for (const end = rows + ((<usize>n) << 2); rows < end; rows += 4, to += 16)
    v128.store(to, v128.load(column + ((<usize>load<u32>(rows)) << 4)))
}

/** Doubles that hold integers, as 64-bit integers. */
export function gatherIntegers(column: usize, rows: usize, n: u32, to: usize): void {
  for (const end = rows + ((<usize>n) << 2); rows < end; rows += 4, to += 8)
    store<i64>(to, <i64>load<f64>(column + ((<usize>load<u32>(rows)) << 3)))
}

/** Texts, the length of each as a varint before it; returns the place behind the last one. */
export function gatherTexts(column: usize, rows: usize, n: u32, to: usize): usize {
  for (const end = rows + ((<usize>n) << 2); rows < end; rows += 4) {
    const starts = at(STARTS) + ((<usize>load<u32>(column + ((<usize>load<u32>(rows)) << 2))) << 2)
    const from = load<u32>(starts)
    const length = load<u32>(starts, 4) - from
    let rest = length
    for (; rest > 127; rest >>>= 7) store<u8>(to++, <u8>(rest & 127) | 128)
    store<u8>(to++, <u8>rest)
    if (length <= 64) {
      // Sixteen bytes at once, beyond the end: the next text goes over them.
      for (let i: u32 = 0; i < length; i += 16) v128.store(to + i, v128.load(at(HEAP) + from + i))
    } else memory.copy(to, at(HEAP) + from, length)
    to += length
  }
  return to
}
