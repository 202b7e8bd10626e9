import { at, HASHES, HEAP, SLOTS, STARTS } from './places'

/** Texts held; codes are [0, count). */
export let count: u32 = 0
export let heapUsed: u32 = 0
let slotMask: u32 = 0

/** Codes that each text column met lately, by a few of their bytes. */
const CACHE_SLOTS = 256
const CACHES = memory.data(7 * 256 * 4)

/** CRC-32 (zlib's polynomial, as ClickHouse's CRC32()) eight bytes at a time: table k, for a byte that k others follow. */
const CRC = memory.data(8 * 256 * 4)
const MIX: u64 = 0x9e3779b97f4a7c15

export function openTexts(slots: u32): void {
  slotMask = slots - 1
  for (let n: u32 = 0; n < 256; n++) {
    let c = n
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1
    store<u32>(CRC + ((<usize>n) << 2), c)
  }
  for (let k: usize = 1; k < 8; k++)
    for (let n: usize = 0; n < 256; n++) {
      const before = load<u32>(CRC + ((k - 1) << 10) + (n << 2))
      store<u32>(CRC + (k << 10) + (n << 2), load<u32>(CRC + ((before & 255) << 2)) ^ (before >>> 8))
    }
  resetTexts()
}

export function resetTexts(): void {
  memory.fill(at(SLOTS), 0, (<usize>slotMask + 1) << 2)
  memory.fill(CACHES, 0, 7 * 256 * 4)
  count = 0
  heapUsed = 0
  intern(at(HEAP), 0)
}

function table(k: usize, byte: u64): u32 {
  return load<u32>(CRC + (k << 10) + ((<usize>byte) << 2))
}

/** Low half: CRC-32; high half: a second hash that does not depend on it. */
function hashOf(p: usize, length: usize): u64 {
  let crc: u32 = 0xffffffff
  let mix: u64 = length
  const end = p + length
  while (p + 8 <= end) {
    const word = load<u64>(p)
    const low = word ^ crc
    crc =
      table(7, low & 255) ^
      table(6, (low >> 8) & 255) ^
      table(5, (low >> 16) & 255) ^
      table(4, (low >> 24) & 255) ^
      table(3, (low >> 32) & 255) ^
      table(2, (low >> 40) & 255) ^
      table(1, (low >> 48) & 255) ^
      table(0, low >> 56)
    mix = (mix ^ word) * MIX
    mix ^= mix >> 32
    p += 8
  }
  for (; p < end; p++) {
    const byte = load<u8>(p)
    crc = table(0, (crc ^ byte) & 255) ^ (crc >>> 8)
    mix = (mix ^ byte) * MIX
    mix ^= mix >> 32
  }
  return <u64>~crc | (mix << 32)
}

function equal(code: u32, p: usize, length: usize): bool {
  const starts = at(STARTS) + ((<usize>code) << 2)
  const start = load<u32>(starts)
  if (load<u32>(starts, 4) - start !== <u32>length) return false
  let held = at(HEAP) + start
  const end = p + length
  while (p + 8 <= end) {
    if (load<u64>(p) !== load<u64>(held)) return false
    p += 8
    held += 8
  }
  if (p === end) return true
  // Both may be read beyond their ends: what stands there is shifted out.
  return (load<u64>(p) ^ load<u64>(held)) << (64 - ((end - p) << 3)) === 0
}

/** Code of a text, which is copied where it is new. The caller has seen to it that there is room. */
export function intern(p: usize, length: usize): u32 {
  const hash = hashOf(p, length)
  const hashes = at(HASHES)
  const slots = at(SLOTS)
  let slot = <u32>((hash ^ (hash >> 32)) * 0x9e3779b1) >>> 7
  for (;;) {
    slot &= slotMask
    const found = load<u32>(slots + ((<usize>slot) << 2))
    if (found === 0) break
    if (load<u64>(hashes + ((<usize>(found - 1)) << 3)) === hash && equal(found - 1, p, length)) return found - 1
    slot++
  }
  const code = count++
  memory.copy(at(HEAP) + heapUsed, p, length)
  const starts = at(STARTS) + ((<usize>code) << 2)
  store<u32>(starts, heapUsed)
  heapUsed += <u32>length
  store<u32>(starts, heapUsed, 4)
  store<u64>(hashes + ((<usize>code) << 3), hash)
  store<u32>(slots + ((<usize>slot) << 2), code + 1)
  return code
}

/** The same for a text of one of the seven text columns: a comparison instead of a hash for columns of few values. */
export function codeOf(column: usize, p: usize, length: usize): u32 {
  if (length === 0) return 0
  const few = <usize>load<u8>(p) * 7 + <usize>load<u8>(p + length - 1) * 3 + <usize>load<u8>(p + (length >> 1))
  const slot = CACHES + (column << 10) + (((length * 31 + few) & (CACHE_SLOTS - 1)) << 2)
  const known = load<u32>(slot)
  if (known !== 0 && equal(known, p, length)) return known
  const code = intern(p, length)
  store<u32>(slot, code)
  return code
}
