import type { ReadProblem, WalFile } from '../domain/wal.js'
import { problemOf } from './read-failure.js'
import type { Content } from './source.js'

/** The content of a file that stands by itself, whatever happened to it since it was found. */
export function contentOf({ bytes }: Pick<WalFile, 'bytes'>, unpacked: AsyncIterable<Uint8Array>): Content {
  let problem: ReadProblem | null = null
  let got = 0
  async function* chunks(): AsyncIterable<Uint8Array> {
    try {
      for await (const piece of unpacked) {
        got += piece.length
        yield piece
      }
    } catch (error) {
      problem = problemOf(error)
    }
    if (problem === null && bytes !== null && got < bytes)
      problem = { kind: 'shrank', reason: `${got} bytes are there where ${bytes} were found` }
  }
  return { chunks: chunks(), problem: () => problem, grownBytes: () => Math.max(0, got - (bytes ?? got)) }
}
