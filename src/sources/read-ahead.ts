import type { WalFile } from '../domain/wal.js'
import { openedAhead, openStored } from './places.js'

/** Opens files in their order, those of places that answer slowly before they are wanted. */
export class ReadAhead {
  private readonly begun = new Map<number, Begun>()
  private next = 0

  constructor(private readonly files: readonly WalFile[]) {}

  /**
   * The stored bytes of a file, files asked for in rising order.
   * @param buffer as for `Place.open`
   */
  open(at: number, buffer: Buffer<ArrayBuffer>): AsyncIterable<Uint8Array> {
    const { stored } = this.files[at].locator
    const last = Math.min(at + openedAhead(stored), this.files.length - 1)
    for (this.next = Math.max(this.next, at); this.next <= last; this.next++) {
      const { stored, members } = this.files[this.next].locator
      if (openedAhead(stored) > 0 && members.length === 0) this.begun.set(this.next, begin(openStored(stored, 0)))
    }
    const begun = this.begun.get(at)
    if (begun === undefined) return openStored(stored, 0, buffer)
    this.begun.delete(at)
    return goOn(begun)
  }

  /** Lets go of what was begun and is not wanted. Not waited for: it is in the middle of a request. */
  close(): void {
    for (const { pieces } of this.begun.values()) void pieces.return?.()
  }
}

interface Begun {
  readonly pieces: AsyncIterator<Uint8Array>
  readonly first: Promise<IteratorResult<Uint8Array>>
}

function begin(bytes: AsyncIterable<Uint8Array>): Begun {
  const pieces = bytes[Symbol.asyncIterator]()
  const first = pieces.next()
  // Told when it is its turn.
  first.catch(() => {})
  return { pieces, first }
}

async function* goOn({ pieces, first }: Begun): AsyncIterable<Uint8Array> {
  try {
    for (let piece = await first; piece.done !== true; piece = await pieces.next()) yield piece.value
  } finally {
    await pieces.return?.()
  }
}
