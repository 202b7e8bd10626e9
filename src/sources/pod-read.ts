import { ReadFailure } from '../domain/read-failure.js'
import type { PodFile } from '../domain/wal.js'
import { type Part, readPart } from './pod-reader.js'
import { PART_BYTES } from './pod-scripts.js'

/**
 * The bytes of a file in a pod from an offset on, as many as it had when it was found, part by part; one is on its way while
 * the one before is worked on. A part that fits its SHA-256 is handed on; of one that broke off for good, what came of it,
 * and then ReadFailure is thrown, which names the bytes that are missing. Throws LedgerErrors where it is not this pod alone.
 */
export async function* readPod(file: PodFile, offset: number): AsyncIterable<Uint8Array> {
  if (offset >= file.bytes) return
  let at = offset - (offset % PART_BYTES)
  let passed = offset - at
  for (let next: Promise<Part> | null = readPart(file, at); next !== null; at += PART_BYTES) {
    const part: Part = await next
    const { bytes, failure } = part
    const isLast: boolean = bytes.length < PART_BYTES || at + PART_BYTES >= file.bytes
    next = isLast ? null : readPart(file, at + PART_BYTES)
    if (bytes.length > passed) yield bytes.subarray(passed)
    if (failure !== null) throw missing(failure, at + bytes.length, file.bytes)
    passed = 0
  }
}

function missing(failure: unknown, from: number, end: number): unknown {
  if (!(failure instanceof ReadFailure) || failure.problem.kind !== 'unreadable') return failure
  const reason = `its bytes ${from} to ${end} are missing: ${failure.problem.reason}`
  return new ReadFailure({ kind: 'unreadable', reason })
}
