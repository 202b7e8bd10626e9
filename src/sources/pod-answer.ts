import { createHash } from 'node:crypto'
import { ReadFailure } from '../domain/read-failure.js'
import type { ByteStream } from './byte-stream.js'
import { BLOCK_BYTES } from './pod-scripts.js'

/** Thrown where an answer is not what the pod says it is; what follows it in the stream cannot be relied on either. */
export class Spoilt extends Error {}

/** Room for the bytes that are asked for. */
export interface Room {
  readonly buffer: Buffer
  /** How many of them have come, over all attempts; none where those that came are known to be wrong. */
  got: number
}

const LINE_FEED = 0x0a
/** `part`, a size, a hash. */
const MOST_LINE_BYTES = 128

/**
 * Reads the next answer in the stream of `SERVE` behind the blocks that have come: how many bytes of the part there are,
 * proven by their SHA-256; or null where the stream ended in the middle. Throws ReadFailure where there is no such file to be read, and Spoilt.
 */
export async function readAnswer(stream: ByteStream, room: Room): Promise<number | null> {
  const line = await readLine(stream)
  if (line === null) return null
  if (line === 'gone')
    throw new ReadFailure({ kind: 'vanished', reason: 'drained and deleted by its pod since it was found' })
  if (line === 'denied') throw new ReadFailure({ kind: 'unreadable', reason: 'permission denied' })
  const [, size = '', sha256 = ''] = /^part (\d{1,10}) ([0-9a-f]{64})$/.exec(line) ?? []
  const bytes = Number(size)
  if (sha256 === '' || bytes > room.buffer.length) throw new Spoilt(NO_ANSWER)
  for (let got = room.got - (room.got % BLOCK_BYTES); got < bytes; ) {
    const piece = await stream.some(bytes - got)
    if (piece === null) return null
    room.buffer.set(piece, got)
    got += piece.length
    room.got = Math.max(room.got, got)
  }
  if (createHash('sha256').update(room.buffer.subarray(0, bytes)).digest('hex') === sha256) return bytes
  room.got = 0
  throw new Spoilt('its SHA-256 is not the one that was taken in the pod')
}

const NO_ANSWER = 'what its pod sends is no answer to what was asked'

async function readLine(stream: ByteStream): Promise<string | null> {
  let line = ''
  while (line.length <= MOST_LINE_BYTES) {
    const piece = await stream.some(MOST_LINE_BYTES)
    if (piece === null) return null
    const end = piece.indexOf(LINE_FEED)
    line += piece.toString('latin1', 0, end < 0 ? piece.length : end)
    if (end < 0) continue
    stream.unread(Buffer.from(piece.subarray(end + 1)))
    return line
  }
  throw new Spoilt(NO_ANSWER)
}
