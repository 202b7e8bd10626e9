import type { AuditOptions, AuditOutcome, Finding, PodCoverage, TimeWindow } from '../domain/audit.js'
import type { TargetOptions } from '../domain/options.js'
import type { UsageState } from '../ledger/inspect-target.js'
import type { Ledger } from '../ledger/ledger.js'
import { rollupShape } from '../ledger/rollup-shape.js'
import { withLedger } from '../ledger/with-ledger.js'
import { frameAround, ledgerCoverage, windowOf } from './coverage.js'
import { findDuplicates } from './duplicates.js'
import { ABSENT, countRollupOnlyDays, findDrift } from './rollup.js'
import { findOddRows } from './rows.js'
import { findSilences } from './silence.js'
import { readTraffic } from './traffic.js'
import { readWaivers, waiverOf } from './waivers.js'

/** What the comparison with WAL files gives. */
export interface Compared {
  readonly findings: readonly Finding[]
  readonly notes: readonly string[]
  /** Of the records in them; null where there is none. */
  readonly window: TimeWindow | null
  /** In the frame around that window and the ledger's. */
  readonly pods: readonly PodCoverage[]
}

/** Compares an open ledger, whose requests lie in the window, with WAL files. */
export type Compare = (ledger: Ledger, usage: UsageState, window: TimeWindow | null) => Promise<Compared>

/**
 * Looks for what is wrong with a ledger and changes nothing. `nowMs`: what counts as future and as past retention.
 * Throws `source_not_found` where there is no ledger, `config` for a file of waivers that cannot be read, and the errors
 * of the connection. `compare`: null where there are no WAL files.
 */
export async function audit(
  target: TargetOptions,
  options: AuditOptions,
  nowMs: number,
  compare: Compare | null,
): Promise<AuditOutcome> {
  const waivers = await readWaivers(options.waivers)
  return await withLedger(target, async (ledger, state, usage) => {
    const { kind, location, database } = ledger
    const shape = rollupShape(state)
    const rollupOnly = shape === null ? 0 : await countRollupOnlyDays(ledger)
    const traffic = await readTraffic(ledger, usage, nowMs)
    const silences = traffic === null ? null : findSilences(traffic, options.outages)
    const window = windowOf(traffic)
    const compared = compare === null ? ALONE : await compare(ledger, usage, window)
    const frame = frameAround([window, compared.window])
    const findings: Finding[] = [
      ...(await findDuplicates(ledger, usage.columns.present)),
      ...(shape === null ? [ABSENT] : await findDrift(ledger, shape)),
      ...(await findOddRows(ledger, usage, options.retentionDays, nowMs)),
      ...(silences?.findings ?? []),
      ...compared.findings,
    ]
    const unjudged = silences?.unjudged ?? 0
    return {
      target: { kind, location, database, version: state.version },
      rows: usage.rows,
      findings: findings.map((finding) => ({ ...finding, waiver: waiverOf(finding, waivers, nowMs) })),
      notes: [
        ...compared.notes,
        'trace spans are not in the WAL: whether spans is whole cannot be told',
        ...(unjudged === 0 ? [] : [`not judged: ${unjudged} stretches without requests, for want of days like them`]),
        ...(rollupOnly === 0 ? [] : [`rollup only: ${rollupOnly} days of usage_daily are older than usage`]),
        ...expired(waivers, nowMs),
      ],
      coverage: frame === null ? null : { ...frame, ledger: ledgerCoverage(traffic, frame), pods: compared.pods },
    }
  })
}

const ALONE: Compared = {
  findings: [],
  window: null,
  pods: [],
  notes: ['looked at the ledger alone: what WAL files hold besides is not judged'],
}

function expired(waivers: Awaited<ReturnType<typeof readWaivers>>, nowMs: number): string[] {
  const over = waivers.filter(({ untilMs }) => untilMs <= nowMs).length
  return over === 0 ? [] : [`waivers that are over and cover nothing any more: ${over}`]
}
