import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import type { ReadProblem, WalFile } from '../domain/wal.js'
import { GunzipProblem, gunzipStream } from './gzip.js'
import { reasonOf } from './local-file.js'
import { piecesOf } from './pieces.js'
import type { Content } from './source.js'

/**
 * The bytes of a file of this machine, read from the start whatever happened to it since it was found.
 * @param buffer used again for each piece: a chunk is used up before the next one is asked for
 */
export function readPlainFile(
  file: WalFile,
  path: Uint8Array,
  compression: 'none' | 'gzip',
  buffer: Buffer<ArrayBuffer>,
): Content {
  let problem: ReadProblem | null = null
  let got = 0
  async function* chunks(): AsyncIterable<Uint8Array> {
    let fd: number
    try {
      fd = openSync(Buffer.from(path), constants.O_RDONLY | constants.O_NONBLOCK)
    } catch (error) {
      const gone = (error as NodeJS.ErrnoException).code === 'ENOENT'
      problem = gone
        ? { kind: 'vanished', reason: 'gone since it was found' }
        : { kind: 'unreadable', reason: reasonOf(error) }
      return
    }
    try {
      if (!fstatSync(fd).isFile()) problem = { kind: 'unreadable', reason: 'not a file any more' }
      else
        for await (const piece of compression === 'gzip' ? gunzipStream(piecesOf(fd, buffer)) : piecesOf(fd, buffer)) {
          got += piece.length
          yield piece
        }
    } catch (error) {
      problem = error instanceof GunzipProblem ? error.problem : { kind: 'unreadable', reason: reasonOf(error) }
    } finally {
      closeSync(fd)
    }
    if (problem === null && file.bytes !== null && got < file.bytes)
      problem = { kind: 'shrank', reason: `${got} bytes are there where ${file.bytes} were found` }
  }
  return {
    chunks: chunks(),
    problem: () => problem,
    grownBytes: () => Math.max(0, got - (file.bytes ?? got)),
  }
}
