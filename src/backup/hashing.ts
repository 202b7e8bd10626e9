import { createHash } from 'node:crypto'

/** Bytes and SHA-256 of what flows through. */
export class Hashing {
  bytes = 0
  private readonly hash = createHash('sha256')

  async *through(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    for await (const chunk of chunks) {
      this.bytes += chunk.length
      this.hash.update(chunk)
      yield chunk
    }
  }

  /** Hex; once all has flown through. */
  digest(): { readonly bytes: number; readonly sha256: string } {
    return { bytes: this.bytes, sha256: this.hash.digest('hex') }
  }
}
