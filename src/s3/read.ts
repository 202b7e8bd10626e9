import type { Readable } from 'node:stream'
import type { GetObjectCommandOutput } from '@aws-sdk/client-s3'
import { ReadFailure } from '../domain/read-failure.js'
import type { S3Object } from '../domain/wal.js'
import { type Check, checkOf } from './checksum.js'
import { ask } from './client.js'
import { CutBody, objectError } from './errors.js'

/** Bytes of one request: a segment in one, and no more of an object in memory than a few. */
const PART_BYTES = 4 << 20
/** Parts of one object under way at once. */
const PARTS_AHEAD = 4

interface Part {
  readonly bytes: Buffer
  readonly answer: GetObjectCommandOutput
}

/**
 * The bytes of an object from an offset on, in the version that was listed: ranges of it are asked for side by side, each
 * from where it broke off when it has to be asked for again. The first one goes alone, so that objects opened ahead hold no
 * more. Where they are all read, they are compared with the checksum that the store gives. Throws ReadFailure where this
 * object cannot be had, LedgerErrors where the store as such fails.
 */
export async function* readObject(object: S3Object, offset: number): AsyncIterable<Uint8Array> {
  const stop = new AbortController()
  const underWay: Promise<Part>[] = []
  let check: Check | null = null
  try {
    for (let wanted = offset, first = true; ; first = false) {
      while (wanted < object.bytes && underWay.length < (first ? 1 : PARTS_AHEAD)) {
        const end = Math.min(wanted + PART_BYTES, object.bytes)
        const part = readPart(object, wanted, end, stop.signal)
        // Looked at in its turn.
        part.catch(() => {})
        underWay.push(part)
        wanted = end
      }
      const next = underWay.shift()
      if (next === undefined) break
      const { bytes, answer } = await next
      if (first && offset === 0) check = await checkOf(object, answer)
      check?.update(bytes)
      yield bytes
    }
    if (check !== null && !(await check.agrees())) throw differs(`its ${check.name} is not what the store says`)
  } catch (error) {
    throw objectError(error, `s3://${object.bucket}/${object.key}`)
  } finally {
    stop.abort()
  }
}

async function readPart(object: S3Object, from: number, end: number, signal: AbortSignal): Promise<Part> {
  const { store, bucket, key, etag } = object
  const bytes = Buffer.allocUnsafeSlow(end - from)
  let got = 0
  let last: GetObjectCommandOutput | null = null
  const answer = await ask(
    store,
    async (client, sdk) => {
      // Cut behind its last byte: there is nothing to ask for any more.
      if (last !== null && got === bytes.length) return last
      const range = `bytes=${from + got}-${end - 1}`
      const command = new sdk.GetObjectCommand({ Bucket: bucket, Key: key, IfMatch: etag, Range: range })
      const answer = await client.send(command, { abortSignal: signal })
      last = answer
      const body = answer.Body as Readable
      try {
        assertRange(answer, object, from + got, end)
        for await (const chunk of body as AsyncIterable<Buffer>) {
          if (got + chunk.length > bytes.length) throw differs('the store sends more than was asked for')
          bytes.set(chunk, got)
          got += chunk.length
        }
      } finally {
        // A body that is not read to its end would keep its socket.
        body.destroy()
      }
      if (got < bytes.length) throw new CutBody('the body ended in the middle')
      return answer
    },
    signal,
  )
  return { bytes, answer }
}

/** A store that does not know ranges sends the whole object instead. */
function assertRange(
  { ContentRange, ContentLength }: GetObjectCommandOutput,
  { bytes }: S3Object,
  from: number,
  end: number,
) {
  const whole = from === 0 && end === bytes && ContentRange === undefined && ContentLength === bytes
  if (!whole && ContentRange !== `bytes ${from}-${end - 1}/${bytes}`)
    throw differs('the store sends another range of it')
}

const differs = (reason: string) => new ReadFailure({ kind: 'unreadable', reason })
