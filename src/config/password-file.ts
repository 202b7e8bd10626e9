import { readFileSync, statSync } from 'node:fs'
import { Secret } from '../domain/options.js'

const LARGEST_BYTES = 64 * 1024

/** The first line of a file as a password, or what is wrong with the file. */
export function readPasswordFile(path: string): { secret: Secret; worldReadable: boolean } | { problem: string } {
  try {
    const stat = statSync(path)
    if (stat.isDirectory()) return { problem: 'is a directory' }
    if (stat.size > LARGEST_BYTES) return { problem: 'is too large for a password' }
    const line = readFileSync(path, 'utf8').split(/\r?\n/, 1)[0]
    return line === ''
      ? { problem: 'is empty' }
      : { secret: new Secret(line), worldReadable: (stat.mode & 0o004) !== 0 }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    return { problem: code === 'ENOENT' ? 'does not exist' : `cannot be read (${code ?? 'unknown error'})` }
  }
}
