import {
  ADMISSION,
  at,
  CACHE_STATUS,
  CO2_G,
  COST_USD,
  DEVICE_ID,
  ENERGY_COST_USD,
  ENERGY_WH,
  ESTIMATED_TOKENS,
  HASHES,
  INPUT_TOKENS,
  KEY_ID,
  MODEL,
  OUTPUT_TOKENS,
  QUEUE_WAIT_MS,
  REQUEST_ID,
  REQUEST_TYPE,
  SESSION_ID,
  SESSION_ID_SOURCE,
  STATUS_CODE,
  TALLY,
  TENANT_ID,
  TOTAL_MS,
  TS_MS,
  TTFT_MS,
  u32At,
  u64At,
  WEIGHT,
} from './places'

/** A bucket: its rows, then the sums in the order of the record's fields (see `domain/tally.ts`). */
const BUCKET_BYTES: usize = 160
const DAY_MS: f64 = 86_400_000

/** Adds the halves of a UUID, each by itself. */
function addHalves(sum: usize, halves: v128): void {
  v128.store(sum, i64x2.add(v128.load(sum), halves))
}

function addWide(sum: usize, value: u64): void {
  store<u64>(sum, load<u64>(sum) + value)
}

function add(sum: usize, word: u32): void {
  store<u32>(sum, load<u32>(sum) + word)
}

function crc(column: i32, row: usize): u32 {
  return load<u32>(at(HASHES) + ((<usize>u32At(column, row)) << 3))
}

/** Adds `n` rows, whose numbers stand at `rows`, to the sums of their buckets. */
export function addRows(rows: usize, n: u32): void {
  for (const end = rows + ((<usize>n) << 2); rows < end; rows += 4) {
    const row = <usize>load<u32>(rows)
    const request = v128.load(at(REQUEST_ID) + (row << 4))
    const tenant = v128.load(at(TENANT_ID) + (row << 4))
    const key = v128.load(at(KEY_ID) + (row << 4))
    const time = load<f64>(at(TS_MS) + (row << 3))
    const model = crc(MODEL, row)
    const bucket =
      <u32>(time / DAY_MS) ^
      model ^
      i32x4.extract_lane(tenant, 0) ^
      i32x4.extract_lane(tenant, 2) ^
      i32x4.extract_lane(key, 1) ^
      i32x4.extract_lane(key, 3)
    const sum = at(TALLY) + <usize>(bucket & 0xffff) * BUCKET_BYTES
    add(sum, 1)
    addHalves(sum + 4, request)
    addHalves(sum + 20, tenant)
    addHalves(sum + 36, key)
    add(sum + 52, model)
    add(sum + 56, crc(ADMISSION, row))
    addWide(sum + 60, u64At(WEIGHT, row))
    add(sum + 68, u32At(INPUT_TOKENS, row))
    add(sum + 72, u32At(OUTPUT_TOKENS, row))
    add(sum + 76, u32At(ESTIMATED_TOKENS, row))
    add(sum + 80, u32At(QUEUE_WAIT_MS, row))
    add(sum + 84, u32At(TTFT_MS, row))
    add(sum + 88, u32At(TOTAL_MS, row))
    add(sum + 92, load<u16>(at(STATUS_CODE) + (row << 1)))
    add(sum + 96, crc(CACHE_STATUS, row))
    addWide(sum + 100, u64At(COST_USD, row))
    addWide(sum + 108, u64At(ENERGY_WH, row))
    addWide(sum + 116, u64At(ENERGY_COST_USD, row))
    addWide(sum + 124, u64At(CO2_G, row))
    // Held as doubles and stored as integers.
    addWide(sum + 132, <u64>time)
    add(sum + 140, crc(SESSION_ID, row))
    add(sum + 144, crc(SESSION_ID_SOURCE, row))
    add(sum + 148, crc(REQUEST_TYPE, row))
    add(sum + 152, crc(DEVICE_ID, row))
  }
}
