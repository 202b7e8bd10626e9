import type { Finding, FindingKind } from '../domain/audit.js'
import { isAtCap, WAL_CAP } from '../domain/wal-cap.js'

/** What the sources hold of one pod. */
export interface PodWal {
  readonly pod: string
  /** Of all its WAL files, bytes. */
  readonly bytes: number
  readonly segments: number
  /** Range of its records' ts_ms, both inclusive; null where it has none. */
  readonly firstMs: number | null
  readonly lastMs: number | null
  /** Of stretches that give no record. */
  readonly quarantinedBytes: number
}

/** A clock that is this far from the others' is off; below it, pods may well have begun to spill one after the other. */
const CLOCK_OFF_MS = 5 * 60_000
/** With fewer pods that agree there is no telling which of the clocks is off. */
const FEWEST_AGREEING = 3

/** Pods that were expected and not seen, at their WAL's cap, with bytes that give no record, or with another time. */
export function findPodFaults(pods: readonly PodWal[], expected: readonly string[]): Finding[] {
  const seen = new Set(pods.map(({ pod }) => pod))
  return [
    ...expected.filter((pod) => !seen.has(pod)).map(unseen),
    ...pods.flatMap((pod) => [...full(pod), ...damaged(pod)]),
    ...clocksOff(pods),
  ]
}

function unseen(pod: string): Finding {
  return finding('pod_unseen', pod, {
    evidence: 'expected by --pods, or listed by its cluster, and no WAL file of it could be read',
    cause: 'its files were not collected, or went with the pod; the pod may not run, or have no shell',
    next: 'collect its WAL directory (inspect names what cannot be read); where it is gone, silences and the rollup show what it may have held',
  })
}

function full({ pod, bytes, segments, firstMs, lastMs }: PodWal): Finding[] {
  if (!isAtCap({ bytes, segments })) return []
  const window = firstMs === null || lastMs === null ? null : { fromMs: firstMs, toMs: lastMs }
  const what = `${Math.floor(bytes / 2 ** 20)} of ${WAL_CAP.bytes / 2 ** 20} MiB, ${segments} of ${WAL_CAP.segments} segments`
  return [
    finding('pod_full', pod, {
      window,
      evidence: `its WAL is at its cap: ${what}; the last record in it ends the time window`,
      cause: 'the ledger was down for longer than the WAL could take: later records of this pod were dropped',
      next: 'none brings them back: say so on the bill of these hours, or waive the finding',
    }),
  ]
}

function damaged({ pod, quarantinedBytes }: PodWal): Finding[] {
  if (quarantinedBytes === 0) return []
  return [
    finding('pod_damaged', pod, {
      evidence: `${quarantinedBytes} bytes of its WAL give no record`,
      cause: 'a crash, a power loss or a full disk while they were written, or a file that was changed',
      next: 'the quarantine file holds them, with place and reason',
    }),
  ]
}

/**
 * Pods spill while the ledger is away, from about the same moment to about the same moment. Where first and last record of
 * a pod are both earlier, or both later, by the same time than those that most pods agree on, its clock is off.
 */
function clocksOff(pods: readonly PodWal[]): Finding[] {
  const spans = pods.flatMap(({ pod, firstMs, lastMs }) =>
    firstMs === null || lastMs === null ? [] : [{ pod, firstMs, lastMs }],
  )
  if (spans.length === 0) return []
  const first = median(spans.map(({ firstMs }) => firstMs))
  const last = median(spans.map(({ lastMs }) => lastMs))
  const shifts = spans.map((span) => ({ ...span, atFirst: span.firstMs - first, atLast: span.lastMs - last }))
  const agreeing = shifts.filter(({ atFirst, atLast }) => Math.max(Math.abs(atFirst), Math.abs(atLast)) < CLOCK_OFF_MS)
  if (agreeing.length < FEWEST_AGREEING || agreeing.length * 2 <= spans.length) return []
  return shifts.flatMap(({ pod, firstMs, lastMs, atFirst, atLast }) => {
    const alike = Math.abs(atFirst - atLast) < CLOCK_OFF_MS
    if (!alike || Math.min(Math.abs(atFirst), Math.abs(atLast)) < CLOCK_OFF_MS) return []
    const minutes = Math.round((atFirst + atLast) / 2 / 60_000)
    return [
      finding('pod_clock', pod, {
        window: { fromMs: firstMs, toMs: lastMs },
        evidence: `its records begin and end ${Math.abs(minutes)} minutes ${minutes > 0 ? 'later' : 'earlier'} than those of ${agreeing.length} other pods, which agree`,
        cause: 'the clock of its machine was off: its requests are booked at the wrong time, perhaps on the wrong day',
        next: 'look at the clock of this machine; the records are loaded as they are',
      }),
    ]
  })
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]

function finding(
  kind: FindingKind,
  place: string,
  told: Pick<Finding, 'evidence' | 'cause' | 'next'> & { window?: Finding['window'] },
): Finding {
  return { kind, place, window: null, requests: null, tokens: null, costUsd: null, ...told }
}
