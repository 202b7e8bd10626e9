import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { LedgerError } from '../domain/errors.js'
import type { S3Options } from '../domain/options.js'
import type { Pace } from '../domain/pace.js'
import { printable } from '../domain/printable.js'
import { sha256Of } from '../domain/sha256.js'
import { taken } from '../domain/taken.js'
import type { S3Object } from '../domain/wal.js'
import { ask } from './client.js'
import { type EncryptionFields, encryptionFields, isEncryptedAs } from './encryption.js'
import { isConflict, isMissing, isUnknownToStore } from './errors.js'
import { objectAt, objectsUnder } from './objects.js'
import { readObject } from './read.js'
import { targetError } from './target-error.js'
import { abortUploads, uploadFile } from './upload.js'
import { parseS3Url } from './url.js'

/** More than any dump has: its ten-thousandth part is what a stream holds in memory of each part. */
const LARGEST_STREAM_BYTES = 160 * 2 ** 30

/** An object as it stands there: its size, and its ETag. */
interface Standing {
  readonly bytes: number
  readonly tag: string
}

/** A content in a file of this machine; its SHA-256 in hex. */
interface Content {
  readonly file: string
  readonly bytes: number
  readonly sha256: string
}

/** A condition of a write: the object as it was listed, or that there is none. */
type Condition = { readonly IfMatch?: string; readonly IfNoneMatch?: '*' }

/** The files below a prefix of a bucket. Whatever is written is there whole or not at all, as the store guarantees. */
export class S3Files {
  readonly bucket: string
  readonly prefix: string

  /** @param atOnce how many uploads will be under way */
  constructor(
    private readonly url: string,
    private readonly s3: S3Options,
    private readonly pace: Pace,
    private readonly atOnce: number,
    private readonly signal: AbortSignal,
  ) {
    const { bucket, prefix } = parseS3Url(url)
    this.bucket = bucket
    this.prefix = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`
  }

  /** The same files, reached until another signal: to tidy up once the first one has come. */
  until(signal: AbortSignal): S3Files {
    return new S3Files(this.url, this.s3, this.pace, this.atOnce, signal)
  }

  placeOf(path: string): string {
    return `s3://${this.bucket}/${this.prefix}${path}`
  }

  /** Files whose paths begin with a text. */
  async list(beginning = ''): Promise<Map<string, Standing & Pick<S3Object, 'modifiedMs'>>> {
    const files = new Map<string, Standing & Pick<S3Object, 'modifiedMs'>>()
    const objects = objectsUnder(this.s3, this.bucket, `${this.prefix}${beginning}`, this.signal)
    // Stores show a folder as an object whose key ends with a slash.
    for await (const { key, bytes, etag, modifiedMs } of objects)
      if (!key.endsWith('/')) files.set(key.slice(this.prefix.length), { bytes, tag: etag, modifiedMs })
    return files
  }

  /** A file as it stands there now, or null. */
  async look(path: string): Promise<Standing | null> {
    const object = await objectAt(this.s3, this.bucket, `${this.prefix}${path}`, this.signal)
    return object === null ? null : { bytes: object.bytes, tag: object.etag }
  }

  read(path: string, { bytes, tag }: Standing): AsyncIterable<Uint8Array> {
    const { bucket, prefix, s3 } = this
    const object: S3Object = { via: 's3', store: s3, bucket, key: `${prefix}${path}`, etag: tag, bytes, modifiedMs: 0 }
    return readObject(object, 0)
  }

  async readText(path: string, kept: Standing): Promise<string> {
    return (await buffer(this.read(path, kept))).toString('utf8')
  }

  /** Uploads a file, in parts where it is large; `before` as for `write`. */
  upload({ file, bytes, sha256 }: Content, path: string, before: Standing | null): Promise<Standing> {
    const isSame = async (kept: Standing) => kept.bytes === bytes && (await sha256Of(this.read(path, kept))) === sha256
    return this.replace(path, bytes, before, isSame, (condition) => {
      const body = this.pace.through(createReadStream(file, { highWaterMark: 1 << 20 }))
      return uploadFile(this.s3, { ...this.target(path), ...condition }, body, bytes, this.atOnce, this.signal)
    })
  }

  /**
   * Uploads bytes as they come, however many there will be, under a name that nobody else uses. Throws `refused` where
   * something stands there, and what their maker throws: then nothing of them is there. Without a condition, for stores that
   * know none: once these bytes have gone by, they cannot be sent a second time.
   */
  async stream(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const hash = createHash('sha256')
    let bytes = 0
    let failed: unknown = null
    const body = async function* (this: S3Files) {
      try {
        for await (const chunk of this.pace.through(chunks)) {
          bytes += chunk.length
          hash.update(chunk)
          yield chunk
        }
      } catch (error) {
        failed = error
        throw error
      }
    }.call(this)
    const before = await this.look(path).catch((error: Error) => {
      throw targetError(error.cause ?? error, this.placeOf(path))
    })
    if (before !== null) throw taken(this.placeOf(path))
    try {
      const answer = await uploadFile(this.s3, this.target(path), body, LARGEST_STREAM_BYTES, this.atOnce, this.signal)
      await this.assertEncrypted(path, answer, true)
    } catch (error) {
      // An upload that was completed while its answer was lost is no longer there to be completed again.
      const there = failed === null && isMissing(error) ? await this.look(path) : null
      const same = there?.bytes === bytes && (await sha256Of(this.read(path, there))) === hash.digest('hex')
      if (!same) throw failed ?? targetError(error, this.placeOf(path))
    }
  }

  /** @param before what it takes the place of; not given where that does not matter. Throws `refused` where it is something else */
  write(path: string, text: string, before?: Standing | null): Promise<Standing> {
    const isSame = async (kept: Standing) => (await this.readText(path, kept)) === text
    const body = Buffer.from(text)
    const input = { ...this.target(path), Body: body, ContentLength: body.length }
    return this.replace(path, body.length, before, isSame, (condition) =>
      this.send((client, sdk, signal) => client.send(new sdk.PutObjectCommand({ ...input, ...condition }), signal)),
    )
  }

  async delete(path: string): Promise<void> {
    const object = { Bucket: this.bucket, Key: `${this.prefix}${path}` }
    try {
      await this.send((client, sdk, signal) => client.send(new sdk.DeleteObjectCommand(object), signal))
    } catch (error) {
      throw targetError(error, this.placeOf(path))
    }
  }

  /** Removes uploads that were begun and not ended. False where the store does not let it. */
  abortUploads(beginning = ''): Promise<boolean> {
    return abortUploads(this.s3, this.bucket, `${this.prefix}${beginning}`, this.signal)
  }

  /** What every upload to a path asks for. */
  private target(path: string) {
    return { Bucket: this.bucket, Key: `${this.prefix}${path}`, ...encryptionFields(this.s3.encryption) }
  }

  /**
   * A store may pass over what it does not know, and nobody would see that a file lies there in the clear: where its answer
   * does not confirm it, the object is asked. Throws `target_failed`; what has just come there is then gone again.
   */
  private async assertEncrypted(path: string, answer: EncryptionFields, isNew: boolean): Promise<void> {
    const asked = this.s3.encryption
    if (asked === undefined || isEncryptedAs(asked, answer)) return
    const { Bucket, Key } = this.target(path)
    const there = await this.send((client, sdk, signal) =>
      client.send(new sdk.HeadObjectCommand({ Bucket, Key }), signal),
    )
    if (isEncryptedAs(asked, there)) return
    if (isNew) await this.delete(path)
    throw new LedgerError('target_failed', `the store does not encrypt with ${asked.algorithm}, as it was asked to`, {
      place: printable(this.placeOf(path)),
      hint: 'use another store, or leave out --s3-sse and encrypt on this side: backups with --age-recipients or --gpg-passphrase-file',
    })
  }

  private send<T>(
    request: (...given: [...Parameters<Parameters<typeof ask<T>>[1]>, { abortSignal: AbortSignal }]) => Promise<T>,
  ) {
    return ask(this.s3, (client, sdk) => request(client, sdk, { abortSignal: this.signal }), this.signal)
  }

  /**
   * Sends a write under the condition that it takes the place of `before` only. Where the condition does not hold, the write
   * may have been made all the same and its answer lost. A store that knows no conditions is asked what stands there.
   */
  private async replace(
    path: string,
    bytes: number,
    before: Standing | null | undefined,
    isSame: (kept: Standing) => Promise<boolean>,
    send: (condition: Condition) => Promise<{ ETag?: string | undefined } & EncryptionFields>,
  ): Promise<Standing> {
    const condition: Condition =
      before === undefined ? {} : before === null ? { IfNoneMatch: '*' } : { IfMatch: before.tag }
    const sent = async (given: Condition) => {
      const { ETag, ...answer } = await send(given)
      await this.assertEncrypted(path, answer, before === null)
      return ETag === undefined ? this.look(path) : { bytes, tag: ETag }
    }
    try {
      try {
        return (await sent(condition)) ?? { bytes, tag: '' }
      } catch (error) {
        const unknown = isUnknownToStore(error) && before !== undefined
        if (!unknown && !isConflict(error) && !isMissing(error)) throw error
        const there = await this.look(path)
        if (there !== null && (await isSame(there))) {
          await this.assertEncrypted(path, {}, false)
          return there
        }
        if (unknown && (there?.tag ?? null) === (before?.tag ?? null)) return (await sent({})) ?? { bytes, tag: '' }
        throw taken(this.placeOf(path))
      }
    } catch (error) {
      throw targetError(error, this.placeOf(path))
    }
  }
}
