import type { Frame, PodCoverage, TimeWindow } from '../domain/audit.js'
import { DAY_MS } from '../domain/record.js'
import { type StagedWal, walPortions } from '../ledger/staged-wal.js'
import { MINUTE_MS, type Traffic } from './traffic.js'

const HOUR_MS = 3_600_000
const STEPS_MS = [HOUR_MS, 6 * HOUR_MS, DAY_MS, 7 * DAY_MS]
/** As many as a chart can show; of what is longer the end is kept. */
const MOST_STEPS = 200

/** The frame around all of these windows; null where there is none. */
export function frameAround(windows: readonly (TimeWindow | null)[]): Frame | null {
  const given = windows.filter((window) => window !== null)
  if (given.length === 0) return null
  const fromMs = Math.min(...given.map((window) => window.fromMs))
  const toMs = Math.max(...given.map((window) => window.toMs))
  const count = (stepMs: number) => Math.floor(toMs / stepMs) - Math.floor(fromMs / stepMs) + 1
  const stepMs = STEPS_MS.find((step) => count(step) <= MOST_STEPS) ?? STEPS_MS[STEPS_MS.length - 1]
  const steps = Math.min(count(stepMs), MOST_STEPS)
  return { fromMs: (Math.floor(toMs / stepMs) - steps + 1) * stepMs, stepMs, steps }
}

/** From the first to the last request of a ledger. */
export function windowOf(traffic: Traffic | null): TimeWindow | null {
  if (traffic === null) return null
  return { fromMs: traffic.firstMinute * MINUTE_MS, toMs: traffic.endMinute * MINUTE_MS - 1 }
}

export function ledgerCoverage(traffic: Traffic | null, { fromMs, stepMs, steps }: Frame): number[] {
  const step = stepMs / MINUTE_MS
  return Array.from({ length: steps }, (_, i) => {
    const from = fromMs / MINUTE_MS + i * step
    return traffic === null ? 0 : traffic.requests({ from, to: from + step })
  })
}

/** What each pod's WAL holds; a record that several pods hold counts for each of them. */
export async function podCoverage(wal: StagedWal, { fromMs, stepMs, steps }: Frame): Promise<PodCoverage[]> {
  const requests = wal.pods.map(() => new Array<number>(steps).fill(0))
  for await (const { staged, holders } of walPortions(wal)) {
    const rows = await wal.ledger.rows<{ pod: number; step: string; n: string }>(
      `SELECT pod, toString(intDiv(ts_ms - ${fromMs}, ${stepMs})) AS step, count() AS n
       FROM (SELECT request_id, ts_ms FROM ${staged} AND ts_ms >= ${fromMs}) AS staged
       INNER JOIN (${holders}) AS holders USING (request_id) GROUP BY pod, step`,
    )
    for (const { pod, step, n } of rows) requests[pod - 1][Number(step)] += Number(n)
  }
  return wal.pods.map((pod, i) => ({ pod, requests: requests[i] }))
}
