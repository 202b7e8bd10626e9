import { setTimeout } from 'node:timers/promises'

/** Time as a pace sees it, ms. */
interface Clock {
  now(): number
  wait(ms: number, signal: AbortSignal): Promise<unknown>
}

const CLOCK: Clock = {
  now: () => performance.now(),
  wait: (ms, signal) => setTimeout(ms, undefined, { signal }),
}

/** Lets the bytes of all that shares it through at no more than so many a second, measured over the pieces they come in. */
export class Pace {
  /** When the bytes that went through will have taken their time. */
  private freeAt = 0

  /** @param bytesPerSecond undefined for no limit */
  constructor(
    private readonly bytesPerSecond: number | undefined,
    private readonly signal: AbortSignal,
    private readonly clock = CLOCK,
  ) {}

  async *through(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    for await (const chunk of chunks) {
      this.signal.throwIfAborted()
      await this.pass(chunk.length)
      yield chunk
    }
  }

  private async pass(bytes: number): Promise<void> {
    if (this.bytesPerSecond === undefined) return
    const now = this.clock.now()
    const start = Math.max(now, this.freeAt)
    this.freeAt = start + (bytes / this.bytesPerSecond) * 1000
    if (start > now) await this.clock.wait(start - now, this.signal)
  }
}
