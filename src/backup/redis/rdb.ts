import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { Crc64 } from './crc64.js'

const HEADER = /^REDIS(\d{4})$/
const HEADER_BYTES = 9
const END_OPCODE = 0xff
const CRC_BYTES = 8
/** Since this version a file ends with a checksum. */
const FIRST_WITH_CRC = 5
const NO_CRC = Buffer.alloc(CRC_BYTES)

/** What an RDB file says of itself, whatever its version. */
export interface Rdb {
  /** Version of the format; null for what is no RDB. */
  readonly version: number | null
  readonly bytes: number
  /** What is wrong with it, or null: its header, its end and its own checksum over all bytes agree. */
  readonly damage: string | null
}

/** Reads an RDB whole. A tail behind the end is found too, which redis-check-rdb and the server pass over. */
export async function examineRdb(file: string): Promise<Rdb> {
  const handle = await open(file, 'r')
  try {
    const bytes = (await handle.stat()).size
    const read = async (at: number, length: number) => {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, at)
      return buffer.subarray(0, bytesRead)
    }
    const header = HEADER.exec((await read(0, HEADER_BYTES)).toString('latin1'))
    if (header === null) return { version: null, bytes, damage: 'it does not begin as an RDB does' }
    const version = Number(header[1])
    if (version < FIRST_WITH_CRC) return { version, bytes, damage: `version ${version} is older than Redis 2.6` }
    if (bytes < HEADER_BYTES + 1 + CRC_BYTES) return { version, bytes, damage: 'it ends too soon' }
    const end = await read(bytes - CRC_BYTES - 1, CRC_BYTES + 1)
    const stored = end.subarray(1)
    if (end[0] !== END_OPCODE) return { version, bytes, damage: 'it does not end as an RDB does: cut, or with a tail' }
    // A server with `rdbchecksum no` writes zeros.
    if (stored.equals(NO_CRC)) return { version, bytes, damage: null }
    const crc = new Crc64()
    for await (const chunk of createReadStream(file, { end: bytes - CRC_BYTES - 1, highWaterMark: 1 << 20 }))
      crc.update(chunk as Buffer)
    const sound = crc.digest().equals(stored)
    return { version, bytes, damage: sound ? null : 'its checksum is not that of its bytes' }
  } finally {
    await handle.close()
  }
}
