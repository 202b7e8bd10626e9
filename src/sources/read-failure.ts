import { LedgerError } from '../domain/errors.js'
import { ReadFailure } from '../domain/read-failure.js'
import type { ReadProblem } from '../domain/wal.js'

/** Why bytes ended early, from what was thrown. Throws on what is not about these bytes alone. */
export function problemOf(error: unknown): ReadProblem {
  if (error instanceof ReadFailure) return error.problem
  if (error instanceof LedgerError || (error as Error).name === 'AbortError') throw error
  return { kind: 'unreadable', reason: reasonOf(error) }
}

/** Why a file cannot be read, for people. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied'
  if (code === 'ENOENT') return 'no such file'
  if (code === 'ELOOP') return 'a link that leads to itself'
  if (code === 'ENAMETOOLONG') return 'too many folders deep for this system'
  return code ?? message
}
