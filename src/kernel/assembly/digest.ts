import {
  ADMISSION,
  at,
  CACHE_STATUS,
  CO2_G,
  COST_USD,
  DEVICE_ID,
  DIGEST,
  ENERGY_COST_USD,
  ENERGY_WH,
  ESTIMATED_TOKENS,
  HASHES,
  INPUT_TOKENS,
  KEY_ID,
  MODEL,
  OUTPUT_TOKENS,
  QUEUE_WAIT_MS,
  REQUEST_TYPE,
  SESSION_ID,
  SESSION_ID_SOURCE,
  STATUS_CODE,
  TENANT_ID,
  TOTAL_MS,
  TS_MS,
  TTFT_MS,
  u32At,
  u64At,
  WEIGHT,
} from './places'

/** A step; a bijection of state and of value, so that one changed value always changes the digest. */
function fold(state: u64, value: u64): u64 {
  const mixed = (state ^ value) * 0x9fb21c651e98df25
  return mixed ^ (mixed >> 32)
}

/** Two columns of 32 bits as one value. */
function pair(low: i32, high: i32, row: usize): u64 {
  return <u64>u32At(low, row) | ((<u64>u32At(high, row)) << 32)
}

function text(column: i32, row: usize): u64 {
  return load<u64>(at(HASHES) + ((<usize>u32At(column, row)) << 3))
}

/**
 * The 64-bit digest of everything but the request id, by which a copy is known to be the same in every field; its low half
 * is never 0. Two different versions of one record pass as equal with a chance of 2^-63 for each such pair, which is
 * enough beside the id, whose 128 bits are compared whole. Texts count by their 64-bit hashes, so a digest does not depend
 * on the arena; floats by their bits: 0 and -0 differ. Two chains, since the steps of one wait for each other.
 */
export function digest(row: usize): void {
  const tenant = at(TENANT_ID) + (row << 4)
  const key = at(KEY_ID) + (row << 4)
  let a = fold(0x2545f4914f6cdd1d, load<u64>(tenant))
  let b = fold(0x1e3779b97f4a7c15, load<u64>(tenant, 8))
  a = fold(a, load<u64>(key))
  b = fold(b, load<u64>(key, 8))
  a = fold(a, u64At(WEIGHT, row))
  b = fold(b, pair(INPUT_TOKENS, OUTPUT_TOKENS, row))
  a = fold(a, pair(ESTIMATED_TOKENS, QUEUE_WAIT_MS, row))
  b = fold(b, pair(TTFT_MS, TOTAL_MS, row))
  a = fold(a, load<u16>(at(STATUS_CODE) + (row << 1)))
  b = fold(b, u64At(COST_USD, row))
  a = fold(a, u64At(ENERGY_WH, row))
  b = fold(b, u64At(ENERGY_COST_USD, row))
  a = fold(a, u64At(CO2_G, row))
  b = fold(b, u64At(TS_MS, row))
  a = fold(a, text(MODEL, row))
  b = fold(b, text(ADMISSION, row))
  a = fold(a, text(CACHE_STATUS, row))
  b = fold(b, text(SESSION_ID, row))
  a = fold(a, text(SESSION_ID_SOURCE, row))
  b = fold(b, text(REQUEST_TYPE, row))
  a = fold(a, text(DEVICE_ID, row))
  const whole = fold(a, b)
  store<u64>(at(DIGEST) + (row << 3), <u32>whole === 0 ? whole | 1 : whole)
}
