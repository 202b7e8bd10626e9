import type { Problem, WalReport } from '../domain/doctor.js'
import type { S3Options } from '../domain/options.js'
import { isAtCap } from '../domain/wal-cap.js'
import { discover } from '../sources/index.js'

/** How the pods' WAL stands. Throws what the sources throw. */
export async function examineWal(
  sources: readonly string[],
  s3: S3Options,
  concurrency: number,
  signal: AbortSignal,
): Promise<{ report: WalReport; problems: Problem[] }> {
  const { files, pods, bytes, live, unreadable } = await discover(sources, { concurrency, s3, signal })
  const full = pods.filter((pod) => {
    const own = files.filter((file) => file.pod === pod)
    const sum = own.reduce((total, file) => total + (file.bytes ?? 0), 0)
    return isAtCap({ bytes: sum, segments: own.filter(({ kind }) => kind === 'segment').length })
  })
  const problems = [
    ...full.map((pod) => ({
      about: `WAL of ${pod}`,
      reason: 'it is at its cap: new records are dropped',
      next: 'see why ClickHouse does not take them; obleth-ledger collect brings the files home',
    })),
    ...unreadable.map(({ path, reason }) => ({
      about: 'WAL',
      reason: `${path}: ${reason}`,
      next: 'mend it while the pod is still there; obleth-ledger inspect names every file',
    })),
  ]
  const report = { pods: pods.length, files: files.length, bytes, live: live.length, full: full.length }
  return { report, problems }
}
