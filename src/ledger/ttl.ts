import type { Ledger } from './ledger.js'

/** When rows of `usage` vanish. */
export interface TtlState {
  /** As the server writes it. */
  readonly expression: string
  /** Rows with `ts_ms` below this, unix ms, are gone soon after they arrive; null where that could not be worked out. */
  readonly cutoffMs: number | null
}

const HOUR_MS = 3_600_000
const YEARS = 30

/**
 * The TTL in an `engine_full`, with its cutoff now: the server itself is asked which times have expired, so that every
 * expression works that grows with `ts_ms`. Null where no rule deletes rows.
 */
export async function readTtl(ledger: Ledger, engineFull: string): Promise<TtlState | null> {
  const rules = deletingRules(engineFull)
  if (rules.length === 0) return null
  const cutoffs = await Promise.all(rules.map((rule) => cutoff(ledger, rule)))
  const known = cutoffs.filter((ms) => ms !== null)
  // Several rules: a row goes with the first one that is due.
  return { expression: rules.join(', '), cutoffMs: known.length === cutoffs.length ? Math.max(...known) : null }
}

/** The time expressions of the rules that delete rows; a WHERE behind one is left out, as if it held for every row. */
export function deletingRules(engineFull: string): string[] {
  const clause = / TTL (.*?)(?: SETTINGS .*)?$/s.exec(engineFull)?.[1]
  if (clause === undefined) return []
  return topLevelParts(clause)
    .filter((rule) => !/ (TO (DISK|VOLUME)|RECOMPRESS|GROUP BY) /.test(rule))
    .map((rule) => rule.replace(/ WHERE .*$/s, '').replace(/ DELETE$/, ''))
}

/** Cuts at the commas that stand in no brackets and no quotes. */
function topLevelParts(clause: string): string[] {
  const parts: string[] = []
  let depth = 0
  let quoted = false
  let from = 0
  for (let i = 0; i < clause.length; i++) {
    const c = clause[i]
    if (quoted && c === '\\') i++
    else if (c === "'") quoted = !quoted
    else if (quoted) continue
    else if (c === '(') depth++
    else if (c === ')') depth--
    else if (c === ',' && depth === 0) {
      parts.push(clause.slice(from, i))
      from = i + 1
    }
  }
  parts.push(clause.slice(from))
  return parts.map((part) => part.trim())
}

async function cutoff(ledger: Ledger, expression: string): Promise<number | null> {
  try {
    const hour = await firstAlive(
      ledger,
      expression,
      Date.now() - YEARS * 365 * 24 * HOUR_MS,
      HOUR_MS,
      YEARS * 365 * 24,
    )
    return await firstAlive(ledger, expression, hour - HOUR_MS, 1000, 3600)
  } catch {
    // An expression over columns other than the time, or one that this server does not take outside of a TTL.
    return null
  }
}

/** The first of the times from, from + step, … that has not expired, with nothing expired from there on. */
async function firstAlive(
  ledger: Ledger,
  expression: string,
  from: number,
  step: number,
  count: number,
): Promise<number> {
  const [{ alive }] = await ledger.rows<{ alive: string }>(
    `SELECT toString(maxIf(ts_ms, toDateTime(${expression}) <= now()) + ${step}) AS alive FROM (
       SELECT toInt64(${Math.floor(from / 1000) * 1000} + number * ${step}) AS ts_ms,
         fromUnixTimestamp64Milli(ts_ms) AS ts FROM numbers(${count + 1}))`,
  )
  const ms = Number(alive)
  return ms <= step ? Math.floor(from / 1000) * 1000 : ms
}
