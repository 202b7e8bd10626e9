import type { PodFile } from '../domain/wal.js'
import { readPart } from './pod-reader.js'
import { PART_BYTES } from './pod-scripts.js'

/**
 * The bytes of a file in a pod from an offset on, as many as it had when it was found, part by part: no byte is handed on
 * before its part fits its SHA-256. One part is on its way while the one before is worked on. Throws as `readPart`.
 */
export async function* readPod(file: PodFile, offset: number): AsyncIterable<Uint8Array> {
  const ask = (from: number) => {
    const part = readPart(file, from)
    // Looked at in its turn.
    part.catch(() => {})
    return part
  }
  if (offset >= file.bytes) return
  let at = offset - (offset % PART_BYTES)
  let passed = offset - at
  for (let next: Promise<Buffer> | null = ask(at); next !== null; at += PART_BYTES) {
    const part: Buffer = await next
    const shrank = part.length < Math.min(PART_BYTES, file.bytes - at)
    next = shrank || at + PART_BYTES >= file.bytes ? null : ask(at + PART_BYTES)
    if (part.length > passed) yield part.subarray(passed)
    passed = 0
  }
}
