import { instantiate } from './assembly/index.ts?compiled'
import { writeFives, writeLiterals } from './tables.js'

interface Exported<Value> {
  readonly value: Value
}

/** What the kernel's instances offer; addresses are bytes within `memory`. */
export interface KernelExports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
  readonly LITERALS: Exported<number>
  readonly LENGTHS: Exported<number>
  readonly FIVES: Exported<number>
  readonly LEAST_POWER: Exported<bigint>
  readonly MOST_POWER: Exported<bigint>
  readonly MISSING: Exported<number>
  readonly rows: Exported<number>
  readonly minTime: Exported<number>
  readonly maxTime: Exported<number>
  readonly count: Exported<number>
  readonly heapUsed: Exported<number>
  readonly numberEnd: Exported<number>
  place(region: number, address: number): void
  limit(rows: number, texts: number, heap: number, fromMs: number, toMs: number): void
  setRows(rows: number): void
  isFull(): number
  scan(from: number, end: number, latestMs: number, mostBytes: number): number
  float(at: number): number
  digest(row: number): void
  openTexts(slots: number): void
  resetTexts(): void
  intern(at: number, length: number): number
  addRows(rows: number, n: number): void
  gather2(column: number, rows: number, n: number, to: number): void
  gather4(column: number, rows: number, n: number, to: number): void
  gather8(column: number, rows: number, n: number, to: number): void
  gather16(column: number, rows: number, n: number, to: number): void
  gatherIntegers(column: number, rows: number, n: number, to: number): void
  gatherTexts(column: number, rows: number, n: number, to: number): number
}

/** A new instance with the tables that its code looks things up in, and an otherwise empty memory. */
export function newKernel(): KernelExports {
  const kernel = instantiate() as KernelExports
  writeLiterals(kernel)
  writeFives(kernel)
  return kernel
}
