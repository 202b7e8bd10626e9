import { appendFileSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { BundledFile } from '../domain/collect.js'
import { printable } from '../domain/printable.js'
import { writeError } from '../domain/write-error.js'
import { bundledFile, RUN_AGAIN } from './manifest.js'
import { JOURNAL } from './names.js'

/**
 * What a collect has copied so far, a line for each file, written once its bytes are safe. While it is there the bundle is
 * half made: whoever reads the folder says so.
 */
export class Journal {
  private readonly file: string

  constructor(bundle: string) {
    this.file = join(bundle, JOURNAL)
  }

  /** Begins, or goes on with what an earlier run left. */
  begin(): BundledFile[] {
    this.append('')
    const lines = readFileSync(this.file, 'utf8').split('\n')
    return lines.flatMap((line) => {
      try {
        return [bundledFile.parse(JSON.parse(line))]
      } catch {
        // Empty, or the last one of a process that was killed: that file is copied again.
        return []
      }
    })
  }

  add(entry: BundledFile): void {
    // In front too: what stands there may be half a line.
    this.append(`\n${JSON.stringify(entry)}\n`)
  }

  end(): void {
    rmSync(this.file, { force: true })
  }

  private append(text: string): void {
    try {
      appendFileSync(this.file, text, { mode: 0o600 })
    } catch (cause) {
      throw writeError('the journal of the bundle', printable(this.file), cause, RUN_AGAIN)
    }
  }
}
