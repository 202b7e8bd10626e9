/** Takes bytes off a stream of pieces in the amounts wanted. Pieces may be reused by their maker once the next is asked for. */
export class ByteStream {
  private readonly pieces: AsyncIterator<Uint8Array>
  private rest: Buffer = Buffer.alloc(0)

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.pieces = pieces[Symbol.asyncIterator]()
  }

  /** What comes next, at least one byte and at most `most`; null at the end. Valid until the next call. */
  async some(most: number): Promise<Buffer | null> {
    while (this.rest.length === 0) {
      const { done, value } = await this.pieces.next()
      if (done === true) return null
      this.rest = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    }
    const taken = this.rest.subarray(0, most)
    this.rest = this.rest.subarray(taken.length)
    return taken
  }

  /** The next bytes in memory of their own; fewer than wanted only at the end. */
  async take(count: number): Promise<Buffer> {
    const taken = Buffer.alloc(count)
    let got = 0
    while (got < count) {
      const piece = await this.some(count - got)
      if (piece === null) break
      taken.set(piece, got)
      got += piece.length
    }
    return taken.subarray(0, got)
  }

  /** Passes over bytes; the number that were there. */
  async skip(count: number): Promise<number> {
    let passed = 0
    while (passed < count) {
      const piece = await this.some(count - passed)
      if (piece === null) break
      passed += piece.length
    }
    return passed
  }

  /** Gives back the end of what `some` returned last. */
  unread(bytes: Buffer): void {
    this.rest = this.rest.length === 0 ? bytes : Buffer.concat([bytes, this.rest])
  }

  async close(): Promise<void> {
    await this.pieces.return?.()
  }
}
