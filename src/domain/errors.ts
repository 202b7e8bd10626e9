/** What went wrong, as a word that programs can rely on; the CLI's one table maps it to an exit code. */
export type ErrorCode =
  | 'usage'
  | 'config'
  | 'source_not_found'
  | 'source_unreachable'
  | 'source_failed'
  | 'access_denied'
  | 'target_unreachable'
  | 'target_failed'
  | 'target_locked'
  | 'refused'
  | 'disk_full'
  | 'state_damaged'
  | 'verification_failed'
  | 'interrupted'
  | 'internal'

export interface ErrorDetails {
  /** File, table or URL (without credentials) that it is about. */
  readonly place?: string
  /** What to do next, with the command to run. */
  readonly hint?: string
  /** True where the same step may succeed when tried again. */
  readonly retryable?: boolean
  /** How long the server asks to wait before that, ms. */
  readonly retryAfterMs?: number | undefined
  readonly cause?: unknown
}

/** The one error type that the tool throws on purpose. Its message never holds a secret. */
export class LedgerError extends Error {
  override readonly name = 'LedgerError'
  readonly place: string | undefined
  readonly hint: string | undefined
  readonly retryable: boolean
  readonly retryAfterMs: number | undefined

  constructor(
    readonly code: ErrorCode,
    message: string,
    details: ErrorDetails = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.place = details.place
    this.hint = details.hint
    this.retryable = details.retryable ?? false
    this.retryAfterMs = details.retryAfterMs
  }
}
