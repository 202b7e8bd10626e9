import { frameAround, podCoverage } from '../audit/coverage.js'
import { audit } from '../audit/index.js'
import { findPodFaults, type PodWal } from '../audit/pods.js'
import { findDiffering, findMissing } from '../audit/wal.js'
import type { AuditOptions, AuditOutcome } from '../domain/audit.js'
import type { InputOptions, TargetOptions } from '../domain/options.js'
import type { RunContext } from '../domain/run.js'
import type { Discovery } from '../sources/index.js'
import type { PodCounts } from './decode-messages.js'
import { WalSources } from './staged-wal.js'

/** Audits a ledger against WAL files. Throws what finding and staging them throws, and what `audit` throws. */
export function auditSources(
  target: TargetOptions,
  options: AuditOptions,
  input: InputOptions,
  context: Pick<RunContext, 'emit' | 'signal'>,
  nowMs: number,
): Promise<AuditOutcome> {
  return WalSources.with('audit', input, context, (sources) =>
    audit(target, options, nowMs, (ledger, usage, ledgerWindow) =>
      sources.staged(ledger, usage, { ...options, nowMs }, async (wal, decoded) => {
        const { discovery } = sources
        const { minTsMs, maxTsMs, expired, sent } = decoded
        const window = minTsMs === null || maxTsMs === null ? null : { fromMs: minTsMs, toMs: maxTsMs }
        const frame = frameAround([ledgerWindow, window])
        const unreadable = discovery.unreadable.length + decoded.unreadable.length
        return {
          window,
          pods: frame === null ? [] : await podCoverage(wal, frame),
          findings: [
            ...(await findMissing(wal)),
            ...(await findDiffering(wal)),
            ...findPodFaults(podsOf(discovery, decoded.pods), [...new Set([...options.pods, ...discovery.unseenPods])]),
          ],
          notes: [
            `compared with ${discovery.files.length} WAL files of ${discovery.pods.length} pods: ${sent} records`,
            ...(expired === 0 ? [] : [`older than retention or TTL, and not compared: ${expired} records`]),
            ...(unreadable === 0 ? [] : [`files that could not be read, and were not compared: ${unreadable}`]),
          ],
        }
      }),
    ),
  )
}

function podsOf({ files, pods }: Discovery, counts: readonly PodCounts[]): PodWal[] {
  return pods.map((pod) => {
    const { bytes = 0, firstMs = null, lastMs = null, quarantinedBytes = 0 } = counts.find((of) => of.pod === pod) ?? {}
    const segments = files.filter((file) => file.pod === pod && file.kind === 'segment').length
    return { pod, bytes, segments, firstMs, lastMs, quarantinedBytes }
  })
}
