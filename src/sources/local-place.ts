import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { ReadFailure } from '../domain/read-failure.js'
import type { LocalFile } from '../domain/wal.js'
import { expand } from './expand.js'
import { listPath } from './list-path.js'
import { piecesOf } from './pieces.js'
import { CHUNK_BYTES, type Listed, type Place } from './source.js'

/** Files of this machine. Read synchronously: the reader is a thread of its own, and a hundred thousand small files must not cost a promise for each call. */
export const localPlace: Place<LocalFile> = {
  openedAhead: 0,

  async list(argument, search) {
    const { paths, literal, unreadable } = await expand(argument)
    const listed: Listed[] = []
    for (const path of paths) {
      search.signal?.throwIfAborted()
      listed.push(await listPath(path, literal, search))
    }
    return { listed, unreadable }
  },

  async *open({ path }, offset, buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES)) {
    const fd = openLocal(path)
    try {
      if (!fstatSync(fd).isFile()) throw new ReadFailure({ kind: 'unreadable', reason: 'not a file any more' })
      yield* piecesOf(fd, offset, buffer)
    } finally {
      closeSync(fd)
    }
  },
}

/** Without waiting: a FIFO put in place of a file would block for ever otherwise. */
function openLocal(path: Uint8Array): number {
  try {
    return openSync(Buffer.from(path), constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new ReadFailure({ kind: 'vanished', reason: 'gone since it was found' })
  }
}
