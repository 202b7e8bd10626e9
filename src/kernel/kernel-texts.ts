import type { Texts } from '../domain/string-pool.js'
import type { KernelExports } from './exports.js'
import type { Regions } from './regions.js'

/** The texts of a kernel's arena: in its memory, and found by its code. They never run out of room (see Kernel). */
export class KernelTexts implements Texts {
  readonly heap: Uint8Array
  readonly starts: Uint32Array

  constructor(
    private readonly kernel: KernelExports,
    regions: Regions,
    texts: number,
    /** Bytes. */
    readonly heapRoom: number,
  ) {
    this.heap = regions.view('heap', Uint8Array, heapRoom)
    this.starts = regions.view('starts', Uint32Array, texts + 1)
  }

  get count(): number {
    return this.kernel.count.value
  }

  get heapUsed(): number {
    return this.kernel.heapUsed.value
  }

  intern(bytes: Uint8Array, start: number, end: number): number {
    const { heap, kernel } = this
    if (bytes.buffer === heap.buffer) return kernel.intern(bytes.byteOffset + start, end - start)
    // Where it would stand if it is new.
    const at = this.heapUsed
    heap.set(bytes.subarray(start, end), at)
    return kernel.intern(heap.byteOffset + at, end - start)
  }

  reset(): void {
    this.kernel.resetTexts()
  }
}
