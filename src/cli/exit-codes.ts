import type { RunDocument, RunStatus } from '../domain/document.js'
import { type ErrorCode, LedgerError } from '../domain/errors.js'

/** Every exit code of the command, once. The README explains them; a test holds the two together. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  incomplete: 3,
  mismatch: 4,
  refused: 5,
  notFound: 10,
  locked: 11,
  accessDenied: 12,
  unreachable: 13,
  interrupted: 130,
  terminated: 143,
} as const

const BY_ERROR: Record<ErrorCode, number> = {
  usage: EXIT.usage,
  config: EXIT.usage,
  source_not_found: EXIT.notFound,
  source_unreachable: EXIT.unreachable,
  source_failed: EXIT.failed,
  access_denied: EXIT.accessDenied,
  target_unreachable: EXIT.unreachable,
  target_failed: EXIT.failed,
  target_locked: EXIT.locked,
  refused: EXIT.refused,
  disk_full: EXIT.failed,
  state_damaged: EXIT.failed,
  verification_failed: EXIT.failed,
  interrupted: EXIT.interrupted,
  internal: EXIT.failed,
}

const BY_STATUS: Record<RunStatus, number> = {
  ok: EXIT.done,
  incomplete: EXIT.incomplete,
  mismatch: EXIT.mismatch,
  refused: EXIT.refused,
  failed: EXIT.failed,
}

/** Where several apply, the first of these is it. */
const PRECEDENCE: readonly number[] = [EXIT.failed, EXIT.refused, EXIT.mismatch, EXIT.incomplete]

/** Exit code of a run that ended with a document. */
export function exitCodeOfDocument(document: RunDocument): number {
  const apply = new Set([BY_STATUS[document.status]])
  if (document.rollup === 'mismatch') apply.add(EXIT.mismatch)
  if (document.sources.unreadable.length > 0 || document.records.conflicts > 0) apply.add(EXIT.incomplete)
  return PRECEDENCE.find((code) => apply.has(code)) ?? EXIT.done
}

/** Exit code of a run that ended with an error; `signal` is the one that interrupted it, if one did. */
export function exitCodeOfError(error: unknown, signal: NodeJS.Signals | null): number {
  if (!(error instanceof LedgerError)) return EXIT.failed
  if (error.code === 'interrupted' && signal === 'SIGTERM') return EXIT.terminated
  return BY_ERROR[error.code]
}
