import { on } from 'node:events'
import { Worker } from 'node:worker_threads'
import { LedgerError } from '../domain/errors.js'
import type { DecodeResult, DecodeTask, FromDecoder, PlainError, SpooledFile, ToDecoder } from './decode-messages.js'

export interface DecodeThreadHooks {
  /** Takes a block over; the next ones wait while it has not resolved. */
  block(data: SpooledFile | null, evidence: SpooledFile | null): Promise<void>
  progress(bytes: number, records: number): void
}

/** Runs a decode task in a thread of its own, which loads its program from the moment it is made. */
export class DecodeThread {
  /** What it has begun with. */
  task: DecodeTask | null = null
  private readonly worker: Worker
  private readonly messages: AsyncIterable<[FromDecoder]>

  constructor() {
    this.worker = new Worker(new URL('./decode-worker.js', import.meta.url))
    this.messages = on(this.worker, 'message', { close: ['exit'] }) as AsyncIterable<[FromDecoder]>
  }

  /** Gives it its task, once; its first blocks wait for `run`. */
  begin(task: DecodeTask): this {
    this.task = task
    this.tell({ type: 'task', task })
    return this
  }

  /**
   * Hands the blocks on, in their order, and returns what the task came to. Where the signal aborts, or a block cannot be
   * taken over, the thread is ended first. Throws what went wrong first.
   */
  async run(hooks: DecodeThreadHooks, signal: AbortSignal): Promise<DecodeResult> {
    signal.throwIfAborted()
    const stop = () => this.tell({ type: 'stop' })
    signal.addEventListener('abort', stop)
    try {
      for await (const [message] of this.messages) {
        if (message.type === 'done') return message.result
        if (message.type === 'failed') throw revived(message.error)
        if (message.type === 'progress') hooks.progress(message.bytes, message.records)
        else {
          await hooks.block(message.data, message.evidence)
          this.tell({ type: 'taken' })
        }
      }
      throw new LedgerError('internal', 'the decode thread ended before its work was done')
    } finally {
      signal.removeEventListener('abort', stop)
      await this.end()
    }
  }

  /** Ends the thread, wherever it is. */
  async end(): Promise<void> {
    await this.worker.terminate()
  }

  private tell(message: ToDecoder): void {
    this.worker.postMessage(message)
  }
}

function revived({ code, message, place, hint }: PlainError): Error {
  if (code === null) return new Error(message)
  return new LedgerError(code, message, {
    ...(place === undefined ? {} : { place }),
    ...(hint === undefined ? {} : { hint }),
  })
}
