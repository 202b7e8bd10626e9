/** Addresses of the columns and of the other regions of memory, laid out by the host; numbered as in `regions.ts` there. */
const PLACES = memory.data(64 * 4)

/** Numbers of the record's fields, in its order, and of what stands beside them. */
export const REQUEST_ID = 0
export const TENANT_ID = 1
export const KEY_ID = 2
export const MODEL = 3
export const ADMISSION = 4
export const WEIGHT = 5
export const INPUT_TOKENS = 6
export const OUTPUT_TOKENS = 7
export const ESTIMATED_TOKENS = 8
export const QUEUE_WAIT_MS = 9
export const TTFT_MS = 10
export const TOTAL_MS = 11
export const STATUS_CODE = 12
export const CACHE_STATUS = 13
export const COST_USD = 14
export const ENERGY_WH = 15
export const ENERGY_COST_USD = 16
export const CO2_G = 17
export const TS_MS = 18
export const SESSION_ID = 19
export const SESSION_ID_SOURCE = 20
export const REQUEST_TYPE = 21
export const DEVICE_ID = 22
export const DIGEST = 23
export const LINE_END = 24
export const HEAP = 25
export const STARTS = 26
export const HASHES = 27
export const SLOTS = 28
export const TALLY = 29

export function at(region: i32): usize {
  return load<usize>(PLACES + ((<usize>region) << 2))
}

export function place(region: i32, address: usize): void {
  store<usize>(PLACES + ((<usize>region) << 2), address)
}

/** What a row has in a column of that width. */
export function u32At(column: i32, row: usize): u32 {
  return load<u32>(at(column) + (row << 2))
}

export function u64At(column: i32, row: usize): u64 {
  return load<u64>(at(column) + (row << 3))
}
