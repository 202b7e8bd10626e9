import type { Finding, FindingKind } from '../domain/audit.js'

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

/** obleth's caps: at either of them it drops new records. A batch, of up to 1 MiB, no longer fits a little below. */
const CAP_BYTES = 255 * 2 ** 20
const CAP_SEGMENTS = 1024
/** A clock that is this far from the others' is off; below it, pods may well have begun to spill one after the other. */
const CLOCK_OFF_MS = 5 * 60_000
/** With fewer other pods there is no telling which of the clocks is off. */
const FEWEST_OTHERS = 2

/** Pods that were expected and not seen, at their WAL's cap, with bytes that give no record, or with another time. */
export function findPodFaults(pods: readonly PodWal[], expected: readonly string[]): Finding[] {
  const seen = new Set(pods.map(({ pod }) => pod))
  return [
    ...expected.filter((pod) => !seen.has(pod)).map(unseen),
    ...pods.flatMap((pod) => [...full(pod), ...damaged(pod), ...clockOff(pod, pods)]),
  ]
}

function unseen(pod: string): Finding {
  return finding('pod_unseen', pod, {
    evidence: 'expected by --pods, and no WAL file of it is among the sources',
    cause: 'its files were not collected, or went with the pod',
    next: 'collect its WAL directory; where it is gone, silences and the rollup show what it may have held',
  })
}

function full({ pod, bytes, segments, firstMs, lastMs }: PodWal): Finding[] {
  if (bytes < CAP_BYTES && segments < CAP_SEGMENTS) return []
  const window = firstMs === null || lastMs === null ? null : { fromMs: firstMs, toMs: lastMs }
  const what = bytes < CAP_BYTES ? `${segments} segments, of 1024` : `${Math.floor(bytes / 2 ** 20)} MiB, of 256`
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
 * a pod are both earlier, or both later, than those of the others by the same time, and the others agree, its clock is off.
 */
function clockOff(one: PodWal, pods: readonly PodWal[]): Finding[] {
  const others = pods.filter(({ pod, firstMs }) => pod !== one.pod && firstMs !== null)
  if (one.firstMs === null || one.lastMs === null || others.length < FEWEST_OTHERS) return []
  const firsts = others.map(({ firstMs }) => firstMs ?? 0).sort((a, b) => a - b)
  const lasts = others.map(({ lastMs }) => lastMs ?? 0).sort((a, b) => a - b)
  const spread = Math.max(firsts[firsts.length - 1] - firsts[0], lasts[lasts.length - 1] - lasts[0])
  const ahead = [one.firstMs - median(firsts), one.lastMs - median(lasts)]
  const apart = Math.abs(ahead[0] - ahead[1])
  if (spread >= CLOCK_OFF_MS || apart >= CLOCK_OFF_MS || Math.min(...ahead.map(Math.abs)) < CLOCK_OFF_MS) return []
  const minutes = Math.round((ahead[0] + ahead[1]) / 2 / 60_000)
  return [
    finding('pod_clock', one.pod, {
      window: { fromMs: one.firstMs, toMs: one.lastMs },
      evidence: `its records begin and end ${Math.abs(minutes)} minutes ${minutes > 0 ? 'later' : 'earlier'} than those of all ${others.length} other pods`,
      cause: 'the clock of its machine was off: its requests are booked at the wrong time, perhaps on the wrong day',
      next: 'look at the clock of this machine; the records are loaded as they are',
    }),
  ]
}

const median = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length / 2)]

function finding(
  kind: FindingKind,
  place: string,
  told: Pick<Finding, 'evidence' | 'cause' | 'next'> & { window?: Finding['window'] },
): Finding {
  return { kind, place, window: null, requests: null, tokens: null, costUsd: null, ...told }
}
