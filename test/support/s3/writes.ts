import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { crc32 } from 'node:zlib'
import { type Encrypting, encrypted, encryptionOf, misplaced } from './encryption.js'
import { encodeKey } from './listing.js'
import { type StoredObject, storedObject } from './objects.js'

export interface WriteRequest {
  readonly method: string
  readonly key: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export type WriteAnswer =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
  | { readonly status: number; readonly code: string }

interface Part {
  readonly body: Buffer
  readonly etag: string
  readonly crc32: string
}

interface Begun {
  readonly key: string
  readonly withChecksums: boolean
  readonly parts: Map<number, Part>
  /** Of the object, once it is there. */
  readonly headers: Record<string, string>
}

const LEAST_PART_BYTES = 5 << 20

/** Whether a request changes something, or asks for uploads that were begun. */
export function isWrite(method: string, query: URLSearchParams): boolean {
  return method === 'PUT' || method === 'POST' || method === 'DELETE' || query.has('uploads')
}

/** What AWS documents of PutObject, DeleteObject and uploads in parts: conditions, digests, sizes and order of parts. */
export class Writes {
  /** Uploads that were begun and neither completed nor aborted, by their ids. */
  readonly begun = new Map<string, Begun>()
  /** What the store has not learned yet: a request that asks for it is refused with 501. `ignores`: it is passed over. */
  lacks: { checksums?: boolean; conditions?: 'refuses' | 'ignores' } = {}
  /** What the bucket does where encryption is asked for; `asked only`: it refuses what is not to be encrypted, as a policy does. */
  encrypts: Encrypting = 'as asked'
  /** True: answers to uploads say nothing of it, those about objects do. */
  silent = false
  private ids = 0

  constructor(private readonly objects: Map<string, StoredObject>) {}

  answer(request: WriteRequest): WriteAnswer {
    const { method, query } = request
    const wrong = this.wrongWith(request)
    if (wrong !== null) return wrong
    if (method === 'GET') return this.list(query.get('prefix') ?? '')
    const id = query.get('uploadId')
    if (method === 'DELETE') return id === null ? this.remove(request.key) : this.abort(id)
    if (method === 'POST') return id === null ? this.begin(request) : this.complete(request, id)
    return id === null ? this.put(request) : this.part(request, id)
  }

  private wrongWith({ headers, body, method }: WriteRequest): WriteAnswer | null {
    const named = Object.keys(headers)
    const summed = named.some((name) => /^x-amz-(sdk-)?checksum-/.test(name))
    if (this.lacks.checksums && summed) return fail(501, 'NotImplemented')
    const conditional = headers['if-match'] !== undefined || headers['if-none-match'] !== undefined
    if (this.lacks.conditions === 'refuses' && conditional) return fail(501, 'NotImplemented')
    const payload = headers['x-amz-content-sha256']
    if (typeof payload !== 'string' || !/^([0-9a-f]{64}|UNSIGNED-PAYLOAD)$/.test(payload))
      return fail(501, 'NotImplemented')
    if (payload !== 'UNSIGNED-PAYLOAD' && payload !== hex('sha256', body)) return fail(400, 'XAmzContentSHA256Mismatch')
    const md5 = headers['content-md5']
    if (md5 !== undefined && md5 !== createHash('md5').update(body).digest('base64')) return fail(400, 'BadDigest')
    const sum = headers['x-amz-checksum-crc32']
    if (sum !== undefined && sum !== crcOf(body)) return fail(400, 'BadDigest')
    if (method === 'PUT' && headers['x-amz-sdk-checksum-algorithm'] !== undefined && sum === undefined)
      return fail(400, 'InvalidRequest')
    return null
  }

  private put({ key, headers, body }: WriteRequest): WriteAnswer {
    const refused = this.condition(key, headers)
    if (refused !== null) return refused
    const encryption = encryptionOf(headers, this.encrypts)
    if (typeof encryption === 'string') return fail(statusOf(encryption), encryption)
    const sum = headers['x-amz-checksum-crc32']
    const checksums =
      typeof sum === 'string' ? { 'x-amz-checksum-crc32': sum, 'x-amz-checksum-type': 'FULL_OBJECT' } : {}
    const object = encrypted({ ...storedObject(body), checksums }, encryption)
    this.objects.set(key, object)
    return { status: 200, headers: { etag: object.etag, ...(this.silent ? {} : encryption) } }
  }

  private condition(key: string, headers: IncomingHttpHeaders): WriteAnswer | null {
    if (this.lacks.conditions === 'ignores') return null
    const there = this.objects.get(key)
    const match = headers['if-match']
    const none = headers['if-none-match']
    if (none !== undefined && none !== '*') return fail(501, 'NotImplemented')
    if (none === '*' && there !== undefined) return fail(412, 'PreconditionFailed')
    if (match !== undefined && there === undefined) return fail(404, 'NoSuchKey')
    return match !== undefined && match !== there?.etag ? fail(412, 'PreconditionFailed') : null
  }

  private remove(key: string): WriteAnswer {
    this.objects.delete(key)
    return { status: 204 }
  }

  private begin({ key, headers }: WriteRequest): WriteAnswer {
    const encryption = encryptionOf(headers, this.encrypts)
    if (typeof encryption === 'string') return fail(statusOf(encryption), encryption)
    const id = `upload-${this.ids++}`
    const withChecksums = headers['x-amz-checksum-algorithm'] !== undefined
    this.begun.set(id, { key, withChecksums, parts: new Map(), headers: encryption })
    return xml(
      `<InitiateMultipartUploadResult><Key>${escapeXml(key)}</Key><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
      encryption,
    )
  }

  private part({ query, body, headers }: WriteRequest, id: string): WriteAnswer {
    if (misplaced(headers)) return fail(400, 'InvalidArgument')
    const upload = this.begun.get(id)
    const number = Number(query.get('partNumber'))
    if (upload === undefined) return fail(404, 'NoSuchUpload')
    if (!(number >= 1 && number <= 10_000)) return fail(400, 'InvalidArgument')
    if (upload.withChecksums && headers['x-amz-checksum-crc32'] === undefined) return fail(400, 'InvalidRequest')
    const part = { body, etag: `"${hex('md5', body)}"`, crc32: crcOf(body) }
    upload.parts.set(number, part)
    return {
      status: 200,
      headers: { etag: part.etag, ...(upload.withChecksums ? { 'x-amz-checksum-crc32': part.crc32 } : {}) },
    }
  }

  private complete({ key, headers, body }: WriteRequest, id: string): WriteAnswer {
    const upload = this.begun.get(id)
    if (upload === undefined || upload.key !== key) return fail(404, 'NoSuchUpload')
    const refused = this.condition(key, headers)
    if (refused !== null) return refused
    const wanted = [...body.toString('utf8').matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, text]) => ({
      number: Number(/<PartNumber>(\d+)</.exec(text)?.[1]),
      etag: /<ETag>(.*?)</.exec(text)?.[1].replaceAll('&quot;', '"'),
      crc32: /<ChecksumCRC32>(.*?)</.exec(text)?.[1],
    }))
    if (wanted.length === 0) return fail(400, 'MalformedXML')
    if (wanted.some(({ number }, i) => i > 0 && number <= wanted[i - 1].number)) return fail(400, 'InvalidPartOrder')
    const parts: Part[] = []
    for (const { number, etag, crc32 } of wanted) {
      const part = upload.parts.get(number)
      if (part?.etag !== etag || (upload.withChecksums && part?.crc32 !== crc32)) return fail(400, 'InvalidPart')
      if (part !== undefined) parts.push(part)
    }
    if (parts.slice(0, -1).some((part) => part.body.length < LEAST_PART_BYTES)) return fail(400, 'EntityTooSmall')
    const sums = Buffer.concat(parts.map(({ etag }) => Buffer.from(etag.slice(1, -1), 'hex')))
    const whole = storedObject(Buffer.concat(parts.map((part) => part.body)), 'several pieces')
    const object = encrypted({ ...whole, etag: `"${hex('md5', sums)}-${parts.length}"` }, upload.headers)
    this.objects.set(key, object)
    this.begun.delete(id)
    const etag = object.etag.replaceAll('"', '&quot;')
    return xml(
      `<CompleteMultipartUploadResult><Key>${escapeXml(key)}</Key><ETag>${etag}</ETag></CompleteMultipartUploadResult>`,
      upload.headers,
    )
  }

  private abort(id: string): WriteAnswer {
    return this.begun.delete(id) ? { status: 204 } : fail(404, 'NoSuchUpload')
  }

  private list(prefix: string): WriteAnswer {
    const uploads = [...this.begun].filter(([, { key }]) => key.startsWith(prefix))
    const listed = uploads.map(
      ([id, { key }]) => `<Upload><Key>${escapeXml(key)}</Key><UploadId>${id}</UploadId></Upload>`,
    )
    return xml(
      `<ListMultipartUploadsResult><Prefix>${encodeKey(prefix)}</Prefix><IsTruncated>false</IsTruncated>${listed.join('')}</ListMultipartUploadsResult>`,
    )
  }
}

const fail = (status: number, code: string): WriteAnswer => ({ status, code })
const statusOf = (code: string): number => (code === 'AccessDenied' ? 403 : 400)
const xml = (body: string, headers: Record<string, string> = {}): WriteAnswer => ({
  status: 200,
  headers: { 'content-type': 'application/xml', ...headers },
  body: `<?xml version="1.0" encoding="UTF-8"?>${body}`,
})
const hex = (algorithm: string, bytes: Buffer) => createHash(algorithm).update(bytes).digest('hex')
const escapeXml = (text: string) => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)

function crcOf(bytes: Buffer): string {
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(bytes))
  return sum.toString('base64')
}
