/** What `ttl show` and `ttl set` tell. */

export interface Expiring {
  readonly rows: number
  /** Days of which some row goes. */
  readonly days: number
  /** Unix ms of the oldest and the newest row that goes; null where none does. */
  readonly fromMs: number | null
  readonly toMs: number | null
}

export interface Ttl {
  /** As the server writes it. */
  readonly expression: string
  /** Days after which rows go, where the rule is the documented one; null for any other. */
  readonly days: number | null
  /** Rows with `ts_ms` below this, unix ms, are gone soon after they arrive; null where that could not be worked out. */
  readonly cutoffMs: number | null
}

export interface TtlOutcome {
  readonly target: { readonly kind: 'embedded' | 'server'; readonly location: string; readonly database: string }
  readonly rows: number
  /** Null where rows are kept for ever. */
  readonly ttl: Ttl | null
  /** Rows that are past the TTL, or, before a change, that it would drop. */
  readonly expiring: Expiring
  /** Days after which obleth itself drops whole days. */
  readonly retentionDays: number
}
