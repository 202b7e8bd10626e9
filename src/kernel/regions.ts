import { FIELDS } from '../domain/record.js'
import { TALLY_BUCKETS, TALLY_WORDS } from '../domain/tally.js'
import type { KernelExports } from './exports.js'

/** Read beyond the end of what is wanted, or written before the next text goes over it, bytes. */
const MARGIN = 64
const PAGE_BYTES = 65_536

/** Regions of a kernel's memory, numbered as in `assembly/places.ts`: the record's fields, then these. */
const OTHERS = ['digest', 'line_end', 'heap', 'starts', 'hashes', 'slots', 'tally', 'order', 'input', 'block'] as const
const NAMES: readonly string[] = [...FIELDS.map(({ name }) => name), ...OTHERS]

export interface Sizes {
  readonly rows: number
  /** Distinct texts, and slots of the table that finds them: a power of two, twice as many. */
  readonly texts: number
  readonly slots: number
  readonly heapBytes: number
  readonly inputBytes: number
  readonly blockBytes: number
}

type View<Values> = new (buffer: ArrayBuffer, address: number, length: number) => Values

/**
 * Lays a kernel's memory out. It never grows afterwards, whatever is put into it, so that views stay valid; what is not
 * used is not touched and takes no memory of the machine.
 */
export class Regions {
  private readonly addresses: readonly number[]

  constructor(
    private readonly kernel: KernelExports,
    sizes: Sizes,
  ) {
    const { memory } = kernel
    let end = memory.buffer.byteLength
    this.addresses = bytesOf(sizes).map((bytes) => {
      const address = end
      end += Math.ceil((bytes + MARGIN) / MARGIN) * MARGIN
      return address
    })
    memory.grow(Math.ceil((end - memory.buffer.byteLength) / PAGE_BYTES))
    for (const [region, address] of this.addresses.entries()) kernel.place(region, address)
  }

  has(name: string): boolean {
    return NAMES.includes(name)
  }

  view<Values>(name: string, Type: View<Values>, length: number): Values {
    return new Type(this.kernel.memory.buffer, this.addresses[NAMES.indexOf(name)], length)
  }

  buffer(name: (typeof OTHERS)[number], length: number): Buffer<ArrayBuffer> {
    return Buffer.from(this.kernel.memory.buffer, this.addresses[NAMES.indexOf(name)], length)
  }
}

function bytesOf({ rows, texts, slots, heapBytes, inputBytes, blockBytes }: Sizes): number[] {
  const fields = FIELDS.map(({ name, kind }) => {
    if (kind === 'uuid') return rows * 16
    if (kind === 'u16') return rows * 2
    return rows * (kind === 'f64' || name === 'weight' || name === 'ts_ms' ? 8 : 4)
  })
  const tally = TALLY_BUCKETS * TALLY_WORDS * 4
  const pool = [heapBytes, (texts + 1) * 4, texts * 8, slots * 4]
  return [...fields, rows * 8, rows * 4, ...pool, tally, rows * 4, inputBytes, blockBytes]
}
