import { findSilences } from '../audit/silence.js'
import { MINUTE_MS, readTraffic } from '../audit/traffic.js'
import { readWaivers, waiverOf } from '../audit/waivers.js'
import type { TimeWindow } from '../domain/audit.js'
import type { BillDay, BillFinding } from '../domain/bill.js'
import type { UsageState } from '../ledger/inspect-target.js'
import type { Ledger } from '../ledger/ledger.js'

/** What the audit of silences is told. */
export interface SilenceOptions {
  readonly outages: readonly TimeWindow[]
  readonly waivers: string | undefined
}

export interface DaysInSilence {
  /** Improbable silences, one for each day that they touch. */
  readonly findings: readonly BillFinding[]
  /** Days in a silence that is as quiet as such days are: a Sunday, a holiday. */
  readonly quiet: ReadonlySet<string>
}

/** Which days are silent in part or whole, judged by the whole ledger. */
export async function daysInSilence(
  ledger: Ledger,
  usage: UsageState,
  days: readonly BillDay[],
  options: SilenceOptions,
  nowMs: number,
): Promise<DaysInSilence> {
  const waivers = await readWaivers(options.waivers)
  const traffic = await readTraffic(ledger, usage, nowMs)
  if (traffic === null) return { findings: [], quiet: new Set() }
  const { findings, probable } = findSilences(traffic, options.outages)
  const quiet = days.filter(({ fromMs, toMs }) =>
    probable.some(({ from, to }) => from * MINUTE_MS <= fromMs && to * MINUTE_MS >= toMs),
  )
  return {
    quiet: new Set(quiet.map(({ day }) => day)),
    findings: findings.flatMap((finding) => {
      const { window, evidence } = finding
      const waiver = waiverOf(finding, waivers, nowMs)
      return days
        .filter(({ fromMs, toMs }) => window !== null && window.fromMs < toMs && window.toMs > fromMs)
        .map(({ day }) => ({
          kind: 'silence' as const,
          day,
          tenantId: null,
          detail: evidence,
          waiver: waiver === null ? null : `${waiver.reason} (${waiver.who})`,
        }))
    }),
  }
}
