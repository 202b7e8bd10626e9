import { open } from 'node:fs/promises'
import { lastWords, run } from '../program.js'
import { examineRdb } from './rdb.js'

/** What the check programs say of a file of a later version. */
export const TOO_NEW = "Can't handle RDB format version"

/** What is in an RDB, as redis-check-rdb reads it. */
export interface RdbContents {
  readonly version: number
  readonly bytes: number
  /** Null where redis-check-rdb is older than the file: then its header, end and checksum alone were proven. */
  readonly keys: number | null
  /** Keys that have a time to live, among them those past it. */
  readonly expires: number | null
  /** Keys of each database, by its number; without an entry for a file that is older than Redis 3.2. */
  readonly databases: ReadonlyMap<number, number>
}

export type CheckedRdb = { readonly contents: RdbContents } | { readonly damage: string }

/** Proves an RDB by its own checksum, and by the program that reads every value as the server would. */
export async function checkRdb(file: string, signal: AbortSignal): Promise<CheckedRdb> {
  const { version, bytes, damage } = await examineRdb(file)
  if (version === null || damage !== null) return { damage: damage ?? 'it is no RDB' }
  const ran = await run('redis-check-rdb', [file], { signal })
  if (ran.stdout.includes(TOO_NEW))
    return { contents: { version, bytes, keys: null, expires: null, databases: new Map() } }
  if (ran.exitCode !== 0) return { damage: `redis-check-rdb: ${lastWords({ ...ran, stderr: '' }, 6)}` }
  // It reads to the end opcode and is content, whatever follows.
  const end = Number(/\[offset (\d+)\] \\o\//.exec(ran.stdout)?.[1])
  if (end !== bytes) return { damage: `${bytes - end} bytes follow its end` }
  const number = (of: string) => Number(new RegExp(`^\\[info\\] (\\d+) ${of}$`, 'm').exec(ran.stdout)?.[1])
  const databases = await databaseSizes(file, ran.stdout)
  return { contents: { version, bytes, keys: number('keys read'), expires: number('expires'), databases } }
}

const SIZES_OPCODE = 0xfb

/** Behind the mark of each database stand its sizes; redis-check-rdb tells where, and does not print them. */
async function databaseSizes(file: string, said: string): Promise<Map<number, number>> {
  const sizes = new Map<number, number>()
  const handle = await open(file, 'r')
  try {
    for (const [, offset, db] of said.matchAll(/^\[offset (\d+)\] Selecting DB ID (\d+)$/gm)) {
      const { buffer } = await handle.read(Buffer.alloc(10), 0, 10, Number(offset))
      if (buffer[0] === SIZES_OPCODE) sizes.set(Number(db), lengthAt(buffer, 1))
    }
  } finally {
    await handle.close()
  }
  return sizes
}

/** A length of the RDB format: 6 or 14 bits, or 32 or 64 bits behind a mark of their own. */
function lengthAt(bytes: Buffer, at: number): number {
  const first = bytes[at]
  if (first < 0x40) return first
  if (first < 0x80) return ((first & 0x3f) << 8) | bytes[at + 1]
  return first === 0x80 ? bytes.readUInt32BE(at + 1) : Number(bytes.readBigUInt64BE(at + 1))
}
