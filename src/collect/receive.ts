import { createHash } from 'node:crypto'
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { printable } from '../domain/printable.js'
import { writeError } from '../domain/write-error.js'
import { RUN_AGAIN, TEMPORARY } from './names.js'
import type { Received } from './store.js'

let contents = 0

/**
 * Writes a content to a file of its own in the spool. Throws what reading throws, `disk_full` where there is no space;
 * nothing is left of it then.
 */
export async function receive(spool: string, chunks: AsyncIterable<Uint8Array>): Promise<Received> {
  const file = join(spool, `${TEMPORARY}-${contents++}`)
  const hash = createHash('sha256')
  let bytes = 0
  let fd: number | null = null
  try {
    fd = openSync(file, 'w', 0o600)
    for await (const chunk of chunks) {
      for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at)
      hash.update(chunk)
      bytes += chunk.length
    }
    return { file, bytes, sha256: hash.digest('hex') }
  } catch (error) {
    rmSync(file, { force: true })
    // What is read has its own way to tell of errors.
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error
    throw writeError('a file of the bundle', printable(spool), error, RUN_AGAIN)
  } finally {
    if (fd !== null) closeSync(fd)
  }
}

export function discard({ file }: Received): void {
  rmSync(file, { force: true })
}
