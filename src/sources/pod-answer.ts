import { createHash } from 'node:crypto'
import type { ByteStream } from './byte-stream.js'
import { ReadFailure } from './read-failure.js'

/** Thrown where an answer is not what the pod says it is; what follows it in the stream cannot be relied on either. */
export class Spoilt extends Error {}

const LINE_FEED = 0x0a
/** `part`, a size, a hash. */
const MOST_LINE_BYTES = 128

/**
 * The next answer in the stream of `SERVE`: bytes of a file, no more than wanted and proven by their SHA-256, or why there
 * are none; null where the stream ended in the middle. Throws Spoilt.
 */
export async function readAnswer(stream: ByteStream, wanted: number): Promise<Buffer | ReadFailure | null> {
  const line = await readLine(stream)
  if (line === null) return null
  if (line === 'gone')
    return new ReadFailure({ kind: 'vanished', reason: 'drained and deleted by its pod since it was found' })
  if (line === 'denied') return new ReadFailure({ kind: 'unreadable', reason: 'permission denied' })
  const [, size = '', sha256 = ''] = /^part (\d{1,10}) ([0-9a-f]{64})$/.exec(line) ?? []
  const bytes = Number(size)
  if (sha256 === '' || bytes > wanted) throw new Spoilt('what its pod sends is no answer to what was asked')
  const part = await stream.take(bytes)
  if (part.length < bytes) return null
  if (createHash('sha256').update(part).digest('hex') !== sha256)
    throw new Spoilt('its SHA-256 is not the one that was taken in the pod')
  return part
}

async function readLine(stream: ByteStream): Promise<string | null> {
  let line = ''
  for (;;) {
    const piece = await stream.some(MOST_LINE_BYTES)
    if (piece === null) return null
    const end = piece.indexOf(LINE_FEED)
    line += piece.toString('latin1', 0, end < 0 ? piece.length : end)
    if (end >= 0) {
      stream.unread(Buffer.from(piece.subarray(end + 1)))
      return line
    }
    if (line.length > MOST_LINE_BYTES) throw new Spoilt('what its pod sends is no answer to what was asked')
  }
}
