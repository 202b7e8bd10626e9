import { frameAround, podCoverage } from '../audit/coverage.js'
import { audit, type Compared } from '../audit/index.js'
import { findPodFaults, type PodWal } from '../audit/pods.js'
import { findDiffering, findMissing } from '../audit/wal.js'
import type { AuditOptions, AuditOutcome, TimeWindow } from '../domain/audit.js'
import type { InputOptions, TargetOptions } from '../domain/options.js'
import { DAY_MS } from '../domain/record.js'
import type { RunContext } from '../domain/run.js'
import type { UsageState } from '../ledger/inspect-target.js'
import type { Ledger } from '../ledger/ledger.js'
import { Staging } from '../ledger/staging.js'
import { type Discovery, discover } from '../sources/index.js'
import type { PodCounts } from './decode-messages.js'
import { stage } from './stage.js'
import { newRunId, RunState } from './state.js'

/**
 * Audits a ledger against WAL files: they are staged beside `usage`, as for a replay, compared with it in SQL, and dropped
 * again. Throws what `discover`, `stage` and `audit` throw.
 */
export async function auditSources(
  target: TargetOptions,
  options: AuditOptions,
  input: InputOptions,
  context: Pick<RunContext, 'emit' | 'signal'>,
  nowMs: number,
): Promise<AuditOutcome> {
  const { signal } = context
  const discovery = await discover(input.sources, { concurrency: input.concurrency, signal })
  const state = RunState.open(input.stateDir, ['audit', input.sources])
  try {
    return await audit(target, options, nowMs, (ledger, usage, window) =>
      compare(ledger, usage, window, { options, input, discovery, state, context, nowMs }),
    )
  } finally {
    state.close()
  }
}

interface Sources {
  readonly options: AuditOptions
  readonly input: InputOptions
  readonly discovery: Discovery
  readonly state: RunState
  readonly context: Pick<RunContext, 'emit' | 'signal'>
  readonly nowMs: number
}

async function compare(
  ledger: Ledger,
  usage: UsageState,
  ledgerWindow: TimeWindow | null,
  sources: Sources,
): Promise<Compared> {
  const { options, input, discovery, state, context, nowMs } = sources
  const staging = new Staging(ledger, newRunId(), context.signal)
  // What the ledger has dropped because of its age is no loss.
  const dropBeforeMs = Math.max(nowMs - options.retentionDays * DAY_MS, usage.ttl?.cutoffMs ?? 0)
  const { present, missing } = usage.columns
  try {
    const { decoded, partitions } = await stage({
      options: input,
      ...{ discovery, state, ledger, staging, missing, dropBeforeMs },
      columns: present,
      origins: originsOf(discovery),
      ahead: null,
      ...context,
    })
    const wal = { ledger, staging, partitions, columns: present, pods: discovery.pods }
    const { minTsMs, maxTsMs } = decoded
    const window = minTsMs === null || maxTsMs === null ? null : { fromMs: minTsMs, toMs: maxTsMs }
    const frame = frameAround([ledgerWindow, window])
    const unreadable = discovery.unreadable.length + decoded.unreadable.length
    return {
      window,
      pods: frame === null ? [] : await podCoverage(wal, frame),
      findings: [
        ...(await findMissing(wal)),
        ...(await findDiffering(wal)),
        ...findPodFaults(podsOf(discovery, decoded.pods), options.pods),
      ],
      notes: [
        `compared with ${discovery.files.length} WAL files of ${discovery.pods.length} pods: ${decoded.sent} records`,
        ...(decoded.expired === 0 ? [] : [`older than retention or TTL, and not compared: ${decoded.expired} records`]),
        ...(unreadable === 0 ? [] : [`files that could not be read, and were not compared: ${unreadable}`]),
      ],
    }
  } finally {
    await staging.drop()
  }
}

/** The number of each file's pod, from 1, in the order of `discovery.pods`. */
function originsOf({ files, pods }: Discovery): Uint32Array {
  const numbers = new Map(pods.map((pod, i) => [pod, i + 1]))
  return Uint32Array.from(files, ({ pod }) => numbers.get(pod) ?? 0)
}

function podsOf({ files, pods }: Discovery, counts: readonly PodCounts[]): PodWal[] {
  return pods.map((pod) => {
    const { bytes = 0, firstMs = null, lastMs = null, quarantinedBytes = 0 } = counts.find((of) => of.pod === pod) ?? {}
    const segments = files.filter((file) => file.pod === pod && file.kind === 'segment').length
    return { pod, bytes, segments, firstMs, lastMs, quarantinedBytes }
  })
}
