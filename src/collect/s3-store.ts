import { mkdirSync, rmSync } from 'node:fs'
import pLimit from 'p-limit'
import { printable } from '../domain/printable.js'
import type { Warning } from '../domain/wal.js'
import { writeError } from '../domain/write-error.js'
import type { S3Files } from '../s3/files.js'
import { JOURNAL, MANIFEST, OWN_NAMES, RUN_AGAIN } from './names.js'
import { acquireS3Lock, assertS3Lock, releaseS3Lock } from './s3-lock.js'
import type { BundleStore, Kept, Received, StoreLock } from './store.js'

/** Small requests under way at once. */
const REQUESTS_AT_ONCE = 16
const DIGITS = 7
/** For giving the lock back, also where the collect was stopped or the store does not answer, ms. */
const RELEASING_MS = 15_000

/**
 * A bundle below a prefix of a bucket. Objects cannot be appended to: the journal is one for each batch of its entries,
 * the first of which marks the bundle as half made. A file that has grown is written anew under its key, once the old
 * content has been proven to be its beginning and under the condition that this very object still stands there: a key for
 * each length would make pods and duplicates of what is one file, and an object is replaced as a whole or not at all.
 */
export class S3Store implements BundleStore {
  readonly place: string
  /** Objects of the journal; null while nobody has looked. */
  private pieces: number | null = null

  constructor(
    private readonly files: S3Files,
    readonly spool: string,
  ) {
    this.place = files.placeOf('').replace(/\/+$/, '')
  }

  async isBundle(): Promise<boolean> {
    const own = await this.files.list(OWN_NAMES)
    return own.has(MANIFEST) || own.has(JOURNAL)
  }

  list(): Promise<Map<string, Kept>> {
    return this.files.list()
  }

  read(path: string, kept: Kept): AsyncIterable<Uint8Array> {
    return this.files.read(path, kept)
  }

  async lock(breakLock: boolean): Promise<StoreLock> {
    const text = await acquireS3Lock(this.files, breakLock)
    this.emptySpool()
    const aborted = await this.files.abortUploads()
    return {
      warnings: aborted ? [] : [uploadsLeft(this.place)],
      assertHeld: () => assertS3Lock(this.files, text),
      release: async () => {
        rmSync(this.spool, { recursive: true, force: true })
        await releaseS3Lock(this.files.until(AbortSignal.timeout(RELEASING_MS)), text)
      },
    }
  }

  put(content: Received, path: string, before: Kept | null): Promise<Kept> {
    return this.files.upload(content, path, before)
  }

  write(path: string, text: string, before?: Kept | null): Promise<Kept> {
    return this.files.write(path, text, before)
  }

  async journalAppend(text: string): Promise<void> {
    this.pieces ??= (await this.files.list(JOURNAL)).size
    const number = String(this.pieces).padStart(DIGITS, '0')
    await this.files.write(this.pieces === 0 ? JOURNAL : `${JOURNAL}.${number}`, text, null)
    this.pieces++
  }

  async journalText(): Promise<string | null> {
    const pieces = [...(await this.files.list(JOURNAL))].sort(([a], [b]) => (a < b ? -1 : 1))
    if (pieces.length === 0) return null
    const limit = pLimit(REQUESTS_AT_ONCE)
    const texts = await Promise.all(pieces.map(([path, kept]) => limit(() => this.files.readText(path, kept))))
    return texts.join('')
  }

  async journalEnd(): Promise<void> {
    const limit = pLimit(REQUESTS_AT_ONCE)
    const pieces = [...(await this.files.list(JOURNAL)).keys()]
    await Promise.all(pieces.filter((path) => path !== JOURNAL).map((path) => limit(() => this.files.delete(path))))
    // As long as it is there the bundle is half made.
    await this.files.delete(JOURNAL)
    this.pieces = 0
  }

  private emptySpool(): void {
    try {
      rmSync(this.spool, { recursive: true, force: true })
      mkdirSync(this.spool, { recursive: true, mode: 0o700 })
    } catch (cause) {
      throw writeError('the folder of what is on its way', printable(this.spool), cause, RUN_AGAIN)
    }
  }
}

const uploadsLeft = (place: string): Warning => ({
  class: 'uploads_left',
  message:
    'uploads that were cut may be left, and paid for: allow s3:ListBucketMultipartUploads, or let a rule of the bucket remove them',
  path: place,
})
