import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { GetObjectCommandOutput, HeadObjectCommandOutput } from '@aws-sdk/client-s3'
import type { S3Object } from '../domain/wal.js'
import { ask } from './client.js'
import { isTransient } from './errors.js'

/** Adds up an object's bytes and tells whether they are those that the store was given. */
export interface Check {
  readonly name: string
  update(bytes: Uint8Array): void
  /** True where they are. */
  agrees(): Promise<boolean>
}

/**
 * The checksum that the store gives of the whole object; null where it gives none. An ETag is an MD5 where the object was
 * sent in one piece and is not encrypted with a key of its own.
 * @param answer to the first request for its bytes
 */
export async function checkOf(object: S3Object, answer: GetObjectCommandOutput): Promise<Check | null> {
  const md5 = /^"?([0-9a-f]{32})"?$/i.exec(object.etag)?.[1]
  const encryption = answer.ServerSideEncryption ?? 'AES256'
  if (md5 !== undefined && encryption === 'AES256' && answer.SSECustomerAlgorithm === undefined)
    return hashed('MD5', 'md5', Buffer.from(md5, 'hex'))
  const { bucket, key, etag, store } = object
  const head = await ask(store, (client, sdk) =>
    client.send(new sdk.HeadObjectCommand({ Bucket: bucket, Key: key, IfMatch: etag, ChecksumMode: 'ENABLED' })),
  ).catch((error: unknown) => {
    if (isTransient(error)) throw error
    return null
  })
  // A store that does not answer this has no more to say of the object; that it changed is seen by the next range.
  if (head === null) return null
  return head.ChecksumType === 'COMPOSITE' ? null : given(head)
}

async function given(head: HeadObjectCommandOutput): Promise<Check | null> {
  const bytes = (text: string) => Buffer.from(text, 'base64')
  if (head.ChecksumSHA256) return hashed('SHA-256', 'sha256', bytes(head.ChecksumSHA256))
  if (head.ChecksumSHA1) return hashed('SHA-1', 'sha1', bytes(head.ChecksumSHA1))
  if (head.ChecksumCRC32) return crc32Check(bytes(head.ChecksumCRC32))
  const { Crc64Nvme, Crc32c } = await import('@aws-sdk/checksums/crc')
  if (head.ChecksumCRC64NVME) return digested('CRC-64/NVME', new Crc64Nvme(), bytes(head.ChecksumCRC64NVME))
  if (head.ChecksumCRC32C) return digested('CRC-32C', new Crc32c(), bytes(head.ChecksumCRC32C))
  return null
}

function hashed(name: string, algorithm: string, expected: Buffer): Check {
  const hash = createHash(algorithm)
  return { name, update: (bytes) => void hash.update(bytes), agrees: async () => hash.digest().equals(expected) }
}

function crc32Check(expected: Buffer): Check {
  let sum = 0
  return {
    name: 'CRC-32',
    update: (bytes) => {
      sum = crc32(bytes, sum)
    },
    agrees: async () => sum === expected.readUInt32BE(0),
  }
}

function digested(
  name: string,
  checksum: { update(bytes: Uint8Array): void; digest(): Promise<Uint8Array> },
  expected: Buffer,
): Check {
  return {
    name,
    update: (bytes) => checksum.update(bytes),
    agrees: async () => Buffer.from(await checksum.digest()).equals(expected),
  }
}
