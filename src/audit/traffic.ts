import { DAY_MS } from '../domain/record.js'
import type { UsageState } from '../ledger/inspect-target.js'
import type { Ledger } from '../ledger/ledger.js'

export const MINUTE_MS = 60_000
/** What is older than this before the newest row is not looked at: memory does not grow with a ledger's age. */
const LONGEST_MS = 800 * DAY_MS

/** Requests of a ledger minute by minute, from its first to its last one. */
export class Traffic {
  /** Requests before minute i of the span, so that any window is one subtraction. */
  private readonly before: Float64Array

  /** `counts`: requests of each minute; `firstMinute`: minutes since 1970 of the first of them. */
  constructor(
    readonly firstMinute: number,
    counts: Uint32Array,
    /** Stretches of whole minutes without any request. */
    readonly silences: readonly Silence[],
  ) {
    this.before = new Float64Array(counts.length + 1)
    for (let i = 0; i < counts.length; i++) this.before[i + 1] = this.before[i] + counts[i]
  }

  /** Behind the last minute of the span. */
  get endMinute(): number {
    return this.firstMinute + this.before.length - 1
  }

  /** Whether the span covers a half-open window of minutes. */
  covers({ from, to }: Minutes): boolean {
    return from >= this.firstMinute && to <= this.endMinute
  }

  /** Requests in a half-open window of minutes; what is outside the span holds none. */
  requests({ from, to }: Minutes): number {
    const at = (minute: number) => this.before[Math.min(Math.max(minute - this.firstMinute, 0), this.before.length - 1)]
    return at(to) - at(from)
  }
}

/** A half-open window in minutes since 1970. */
export interface Minutes {
  readonly from: number
  readonly to: number
}

/** `from` and `to`: its whole empty minutes; the times are those of the requests on both sides of it. */
export interface Silence extends Minutes {
  readonly lastBeforeMs: number
  readonly firstAfterMs: number
}

/** Shorter ones are a restart or chance, and no loss that an audit could tell from them. */
const SHORTEST_MINUTES = 5

/**
 * Counts requests per minute, on the target; benchmark rows left out, since machines of obleth's own send them. Rows
 * more than a day in the future do not count. Null where there is none.
 */
export async function readTraffic(ledger: Ledger, usage: UsageState, nowMs: number): Promise<Traffic | null> {
  const known = usage.columns.missing.includes('request_type') ? '1' : "request_type != 'benchmark'"
  const rows = `${ledger.table('usage')} WHERE ${known} AND ts_ms <= ${nowMs + DAY_MS}`
  const [{ n, first, last }] = await ledger.rows<{ n: string; first: string; last: string }>(
    `SELECT count() AS n, min(ts_ms) AS first, max(ts_ms) AS last FROM ${rows}`,
  )
  if (n === '0') return null
  const fromMs = Math.max(Number(first), Number(last) - LONGEST_MS)
  const firstMinute = Math.floor(fromMs / MINUTE_MS)
  const counts = new Uint32Array(Math.floor(Number(last) / MINUTE_MS) - firstMinute + 1)
  const silences: Silence[] = []
  let [lastMinute, lastMs] = [firstMinute - 1, 0]
  const perMinute = `SELECT toInt64(intDiv(ts_ms, ${MINUTE_MS})) AS minute, toUInt32(count()) AS requests,
      min(ts_ms) AS oldest, max(ts_ms) AS newest
    FROM ${rows} AND ts_ms >= ${firstMinute * MINUTE_MS} GROUP BY minute ORDER BY minute`
  for await (const portion of ledger.stream<Record<'minute' | 'oldest' | 'newest', string> & { requests: number }>(
    perMinute,
  ))
    for (const { minute, requests, oldest, newest } of portion) {
      const at = Number(minute)
      counts[at - firstMinute] = requests
      if (at - lastMinute > SHORTEST_MINUTES)
        silences.push({ from: lastMinute + 1, to: at, lastBeforeMs: lastMs, firstAfterMs: Number(oldest) })
      lastMinute = at
      lastMs = Number(newest)
    }
  return new Traffic(firstMinute, counts, silences)
}
