import pRetry from 'p-retry'
import { LedgerError } from '../domain/errors.js'
import { ReadFailure } from '../domain/read-failure.js'
import type { PodFile, PodShell } from '../domain/wal.js'
import { ByteStream } from './byte-stream.js'
import { patience } from './patience.js'
import { type Room, readAnswer, Spoilt } from './pod-answer.js'
import { failureOf, PodFailure } from './pod-errors.js'
import { BLOCK_BYTES, PART_BYTES, requestOf, SERVE } from './pod-scripts.js'
import { Program, Silence } from './program.js'

/** Attempts that bring nothing, over all reading from one pod, before it is given up. */
const RETRIES = 6
/** Each lasts as long as the longest silence that is allowed. */
const MOST_SILENCES = 3
/** So often are bytes asked for that do not fit their SHA-256. */
const MOST_SPOILT = 3

/** As much of a part of a file as there is. */
export interface Part {
  /** In memory of their own. Their SHA-256 is that of the same bytes in the pod, unless `failure` says why not all came. */
  readonly bytes: Buffer
  /**
   * Null where the part is all there, or the file ends within it. ReadFailure where the file or its pod cannot be read,
   * LedgerErrors where it is not this pod alone.
   */
  readonly failure: unknown
}

interface Wanted {
  readonly path: Uint8Array
  readonly from: number
  readonly room: Room
  spoilt: number
  resolve(part: Part): void
}

/** The readers of this thread, one for each pod. */
const readers = new Map<string, PodReader>()

/** The part of a file that begins at `from`, a multiple of PART_BYTES. Throws nothing. */
export function readPart(file: PodFile, from: number): Promise<Part> {
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

  ask(file: PodFile, from: number): Promise<Part> {
    const bytes = Math.min(PART_BYTES, file.bytes - from)
    const room = { buffer: Buffer.allocUnsafeSlow(bytes), got: 0 }
    return new Promise((resolve) => {
      if (this.failure !== null) return resolve(partOf(room, this.failure))
      const wanted = { path: file.path, from, room, spoilt: 0, resolve }
      this.queue.push(wanted)
      if (this.program !== null) request(wanted, this.program)
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
    let before = this.reached()
    try {
      await pRetry(() => this.converse(), {
        ...patience(RETRIES, this.shell.timeoutMs),
        signal: this.stop.signal,
        shouldConsumeRetry: () => {
          const inVain = this.reached() === before
          before = this.reached()
          return inVain
        },
        shouldRetry: ({ error }) => this.mayHelp(error),
      })
    } catch (error) {
      this.failure ??= given(error)
    }
    for (const { resolve, room } of this.queue.splice(0)) resolve(partOf(room, this.failure))
  }

  /** How far all reading has come. Of the parts that are wanted only the first may have come in part. */
  private reached(): string {
    return `${this.answered} ${Math.floor((this.queue.at(0)?.room.got ?? 0) / BLOCK_BYTES)}`
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
      for (const wanted of this.queue) request(wanted, program)
      for (;;) {
        while (this.queue.length === 0 && !this.stop.signal.aborted)
          await new Promise<void>((resolve) => {
            this.wake = resolve
          })
        if (this.stop.signal.aborted) return
        if (!(await this.answer(this.queue[0], stream))) throw failureOf(await program.ended(), place, command[0])
      }
    } finally {
      this.program = null
      program.kill()
    }
  }

  /** Hands the first answer on; false where the stream ended before it did. */
  private async answer(wanted: Wanted, stream: ByteStream): Promise<boolean> {
    const { room, resolve } = wanted
    const done = (failure: unknown) => {
      this.queue.shift()
      this.answered++
      this.silences = 0
      resolve(partOf(room, failure))
      return true
    }
    try {
      const bytes = await readAnswer(stream, room)
      if (bytes === null) return false
      room.got = bytes
      return done(null)
    } catch (error) {
      if (error instanceof ReadFailure) return done(error)
      if (error instanceof Spoilt && ++wanted.spoilt === MOST_SPOILT) done(given(error))
      throw error
    }
  }
}

const request = ({ path, from, room }: Wanted, program: Program): void =>
  program.write(requestOf(path, from, room.buffer.length, room.got))

const partOf = ({ buffer, got }: Room, failure: unknown): Part => ({ bytes: buffer.subarray(0, got), failure })

/** What ended the reading, as it is told of a file. */
function given(error: unknown): unknown {
  if (error instanceof PodFailure) return new ReadFailure({ kind: 'unreadable', reason: error.reason })
  if (error instanceof Silence || error instanceof Spoilt)
    return new ReadFailure({ kind: 'unreadable', reason: error.message })
  return error
}
