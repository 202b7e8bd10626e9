import pRetry from 'p-retry'
import { LedgerError } from '../domain/errors.js'
import type { PodFile, PodShell } from '../domain/wal.js'
import { ByteStream } from './byte-stream.js'
import { readAnswer, Spoilt } from './pod-answer.js'
import { failureOf, PodFailure } from './pod-errors.js'
import { PART_BYTES, requestOf, SERVE } from './pod-scripts.js'
import { Program, Silence } from './program.js'
import { ReadFailure } from './read-failure.js'

/** Breaks without an answer between them, over all reading from one pod, before it is given up. */
const RETRIES = { retries: 6, minTimeout: 200, maxTimeout: 10_000, factor: 2, randomize: true }
/** Each lasts as long as the longest silence that is allowed. */
const MOST_SILENCES = 3
/** So often are bytes asked for that do not fit their SHA-256. */
const MOST_SPOILT = 3

interface Wanted {
  readonly file: PodFile
  readonly from: number
  readonly bytes: number
  spoilt: number
  resolve(part: Buffer): void
  reject(reason: unknown): void
}

/** The readers of this thread, one for each pod. */
const readers = new Map<string, PodReader>()

/**
 * The part of a file that begins at `from`, in memory of its own, its SHA-256 that of the same bytes in the pod. Shorter
 * than it was when the file was found where that has shrunk. Throws ReadFailure where the file or its pod cannot be read,
 * LedgerErrors where it is not this pod alone.
 */
export function readPart(file: PodFile, from: number): Promise<Buffer> {
  const key = JSON.stringify(file.shell)
  const reader = readers.get(key) ?? new PodReader(file.shell)
  readers.set(key, reader)
  return reader.ask(file, from)
}

/** Ends all conversations; what is being waited for fails with the reason. */
export function releaseReaders(reason: unknown): void {
  for (const reader of readers.values()) reader.release(reason)
  readers.clear()
}

/**
 * One shell in a pod answers all requests, in their order, so that a thousand small files do not cost a thousand
 * connections. Where it breaks, another one is started, and asked for what has not been answered.
 */
class PodReader {
  private readonly queue: Wanted[] = []
  private program: Program | null = null
  private working = false
  private readonly stop = new AbortController()
  private wake = () => {}
  /** What ended all reading from this pod. */
  private failure: unknown = null
  private answered = 0
  private silences = 0

  constructor(private readonly shell: PodShell) {}

  ask(file: PodFile, from: number): Promise<Buffer> {
    if (this.failure !== null) return Promise.reject(this.failure)
    return new Promise((resolve, reject) => {
      const bytes = Math.min(PART_BYTES, file.bytes - from)
      this.queue.push({ file, from, bytes, spoilt: 0, resolve, reject })
      this.program?.write(requestOf(file.path, from, bytes))
      this.wake()
      if (!this.working) void this.work()
    })
  }

  release(reason: unknown): void {
    this.failure ??= reason
    this.stop.abort(reason)
    this.program?.kill()
    this.wake()
  }

  private async work(): Promise<void> {
    this.working = true
    let before = 0
    try {
      await pRetry(() => this.converse(), {
        ...RETRIES,
        signal: this.stop.signal,
        shouldConsumeRetry: () => {
          const inVain = this.answered === before
          before = this.answered
          return inVain
        },
        shouldRetry: ({ error }) => this.mayHelp(error),
      })
    } catch (error) {
      this.failure ??= given(error)
    }
    for (const { reject } of this.queue.splice(0)) reject(this.failure)
  }

  private mayHelp(error: unknown): boolean {
    if (error instanceof Silence) return ++this.silences < MOST_SILENCES
    return error instanceof Spoilt || ((error instanceof PodFailure || error instanceof LedgerError) && error.retryable)
  }

  /** Asks for all that is wanted, until nothing is wanted any more. */
  private async converse(): Promise<void> {
    const { command, place, timeoutMs } = this.shell
    const program = await Program.start([...command, 'sh', '-c', SERVE], timeoutMs)
    const stream = new ByteStream(program.output())
    this.program = program
    try {
      for (const { file, from, bytes } of this.queue) program.write(requestOf(file.path, from, bytes))
      for (;;) {
        while (this.queue.length === 0 && !this.stop.signal.aborted)
          await new Promise<void>((resolve) => {
            this.wake = resolve
          })
        if (this.stop.signal.aborted) return
        const answer = await this.answerTo(this.queue[0], stream)
        if (answer === null) throw failureOf(await program.ended(), place, command[0])
        const [wanted] = this.queue.splice(0, 1)
        this.answered++
        if (answer instanceof ReadFailure) wanted.reject(answer)
        else wanted.resolve(answer)
      }
    } finally {
      this.program = null
      program.kill()
    }
  }

  /** Null where the stream ended before the answer did. */
  private async answerTo(wanted: Wanted, stream: ByteStream): Promise<Buffer | ReadFailure | null> {
    try {
      return await readAnswer(stream, wanted.bytes)
    } catch (error) {
      if (!(error instanceof Spoilt)) throw error
      if (++wanted.spoilt < MOST_SPOILT) throw error
      this.queue.splice(this.queue.indexOf(wanted), 1)
      this.answered++
      wanted.reject(new ReadFailure({ kind: 'unreadable', reason: error.message }))
      throw error
    }
  }
}

/** What ended the reading, as a file of the pod tells it. */
function given(error: unknown): unknown {
  const reason = error instanceof PodFailure ? error.reason : error instanceof Error ? error.message : String(error)
  if (error instanceof PodFailure || error instanceof Silence || error instanceof Spoilt)
    return new ReadFailure({ kind: 'unreadable', reason: `its pod cannot be read on: ${reason}` })
  return error
}
