import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'

/** Bytes that are kept, or made when they are asked for. */
export interface Body {
  readonly length: number
  subarray(from: number, end: number): Uint8Array
}

/** All of a body. */
export const bytesOf = (body: Body): Buffer => Buffer.from(body.subarray(0, body.length))

/** An object as the stand-in keeps it. */
export interface StoredObject {
  readonly body: Body
  /** With its quotes. */
  readonly etag: string
  /** What a HEAD that asks for checksums is given besides. */
  readonly checksums: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  readonly modified: Date
}

/** How an object was put there: in one piece, its ETag an MD5, or in several, with a CRC-32 of the whole. */
export type Upload = 'one piece' | 'several pieces'

export function storedObject(content: string | Uint8Array, upload: Upload = 'one piece'): StoredObject {
  const body = Buffer.from(content)
  const md5 = createHash('md5').update(body).digest('hex')
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(body))
  const checksums = { 'x-amz-checksum-crc32': sum.toString('base64'), 'x-amz-checksum-type': 'FULL_OBJECT' }
  return {
    body,
    etag: upload === 'one piece' ? `"${md5}"` : `"${md5}-2"`,
    checksums: upload === 'one piece' ? {} : checksums,
    headers: {},
    modified: new Date(Date.UTC(2026, 4, 14)),
  }
}
