import writeFileAtomic from 'write-file-atomic'
import type { DoctorOutcome } from '../domain/doctor.js'
import { printable } from '../domain/printable.js'
import { writeError } from '../domain/write-error.js'

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number]

/**
 * Writes what was found for Prometheus' textfile collector, as a whole. `outcome` null: doctor itself failed. Then too every
 * gauge that an alert may stand on is there, with a value that raises it: one that vanishes leaves its alert green.
 */
export async function writeMetrics(file: string, outcome: DoctorOutcome | null, nowMs: number): Promise<void> {
  try {
    await writeFileAtomic(file, render(outcome, nowMs), { mode: 0o644 })
  } catch (cause) {
    throw writeError('the metrics', printable(file), cause, 'name a file in a folder that this user may write to')
  }
}

const STORES = ['postgres', 'redis', 'clickhouse'] as const

function render(outcome: DoctorOutcome | null, nowMs: number): string {
  const backups = (store: string) => outcome?.backups?.stores.find((report) => report.store === store)
  const perStore = (value: (store: string) => number): Sample[] => STORES.map((store) => [{ store }, value(store)])
  const up = (store: string) => {
    const health = outcome?.stores.find((report) => report.store === store)?.health
    return health === 'ok' || health === 'attention' ? 1 : 0
  }
  const wal = outcome?.wal
  return [
    metric('last_run_timestamp_seconds', 'When doctor last looked.', [[{}, nowMs / 1000]]),
    metric('success', '1 where doctor ran to its end and could look at the backups.', [
      [{}, outcome?.backups == null ? 0 : 1],
    ]),
    metric('problems', 'Things that somebody has to see to.', [[{}, outcome?.problems.length ?? 1]]),
    metric('store_up', '1 where the store answers.', perStore(up)),
    metric(
      'backup_newest_timestamp_seconds',
      'When the newest complete backup began; 0 where there is none.',
      perStore((store) => (backups(store)?.newest?.startedMs ?? 0) / 1000),
    ),
    metric(
      'backup_newest_size_bytes',
      'What the newest complete backup takes up; 0 where there is none.',
      perStore((store) => backups(store)?.newest?.bytes ?? 0),
    ),
    metric(
      'backups',
      'Backups, by state.',
      STORES.flatMap((store) =>
        (['complete', 'running', 'incomplete', 'damaged'] as const).map(
          (state): Sample => [{ store, state }, backups(store)?.counts[state] ?? 0],
        ),
      ),
    ),
    metric(
      'recoverable_until_timestamp_seconds',
      'Up to when the archive of Postgres brings it back; 0 where it does not, or is not named.',
      [[{ store: 'postgres' }, Date.parse(outcome?.window?.before ?? '1970-01-01T00:00:00Z') / 1000]],
    ),
    ...(wal == null
      ? []
      : [
          metric('wal_pods', 'Pods with WAL files in sight.', [[{}, wal.pods]]),
          metric('wal_bytes', 'WAL files in sight, bytes.', [[{}, wal.bytes]]),
          metric('wal_full_pods', 'Pods at the cap of their WAL, which drop records.', [[{}, wal.full]]),
        ]),
  ].join('')
}

function metric(name: string, help: string, samples: readonly Sample[]): string {
  const full = `obleth_ledger_${name}`
  const lines = samples.map(([labels, value]) => {
    const inside = Object.entries(labels).map(([label, text]) => `${label}="${text}"`)
    return `${full}${inside.length === 0 ? '' : `{${inside.join(',')}}`} ${value}`
  })
  return `# HELP ${full} ${help}\n# TYPE ${full} gauge\n${lines.join('\n')}\n`
}
