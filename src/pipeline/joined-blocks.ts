import { closeSync, constants, ftruncateSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeError } from '../domain/write-error.js'
import { MOST_OUTSTANDING, type SpooledFile } from './decode-messages.js'

/**
 * Native blocks, one behind the other in a file of the spool directory, until they are worth an INSERT: each INSERT and
 * each part that it makes costs the engine time of its own.
 *
 * A file is written over once its blocks have been taken: its pages are there already, and to have the system find new
 * ones and give them back took longer than to fill them.
 */
export class JoinedBlocks {
  /** Of the blocks that have not been taken. */
  rows = 0
  bytes = 0
  private taken = 0
  private fd: number | null = null

  constructor(
    private readonly spoolDir: string,
    private readonly kind: 'block' | 'evidence',
  ) {}

  /** Throws `disk_full`, or why else the file cannot be written. */
  append(block: Uint8Array, rows: number): void {
    this.write(() => {
      this.fd ??= openSync(this.file, constants.O_WRONLY | constants.O_CREAT, 0o600)
      writeFileSync(this.fd, block)
    })
    this.rows += rows
    this.bytes += block.length
  }

  /** The file, whole; the next block begins another. Null where it would hold none. Throws as `append` does. */
  take(): SpooledFile | null {
    const { fd, file, bytes, rows } = this
    if (fd === null) return null
    this.write(() => ftruncateSync(fd, bytes))
    this.close()
    this.taken++
    this.rows = 0
    this.bytes = 0
    return { file, bytes, rows }
  }

  /** Lets go of a file that is not going to be taken. */
  close(): void {
    if (this.fd !== null) closeSync(this.fd)
    this.fd = null
  }

  private get file(): string {
    return join(this.spoolDir, `${this.kind}-${this.taken % MOST_OUTSTANDING}.native`)
  }

  private write(writing: () => void): void {
    try {
      writing()
    } catch (cause) {
      const hint = 'nothing was published; free some space or name another --state-dir, then run the same command again'
      throw writeError('a block', this.file, cause, hint)
    }
  }
}
