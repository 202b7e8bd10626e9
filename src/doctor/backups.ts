import { listBackups, STORES } from '../backup/list.js'
import { openStorage } from '../backup/storage/open.js'
import { age } from '../domain/age.js'
import type { BackupEntry, BackupsOptions, StoreName } from '../domain/backup.js'
import type { BackupReport, Problem } from '../domain/doctor.js'

/** What is kept of the stores' backups, and what is wrong with them. Throws what the storage throws. */
export async function examineBackups(
  options: BackupsOptions,
  maxAgeMs: number,
  nowMs: number,
  signal: AbortSignal,
): Promise<{ place: string; stores: BackupReport[]; problems: Problem[] }> {
  const storage = openStorage(options)
  const entries = await listBackups(storage, signal)
  const stores = STORES.map((store) => reportOf(store, entries))
  const problems = stores.flatMap((report) => problemsOf(report, maxAgeMs, nowMs))
  return { place: storage.place, stores, problems }
}

function reportOf(store: StoreName, entries: readonly BackupEntry[]): BackupReport {
  const own = entries.filter((entry) => entry.store === store)
  const newest = own.find((entry) => entry.state === 'complete')
  const counts: Partial<Record<BackupEntry['state'], number>> = {}
  for (const { state } of own) counts[state] = (counts[state] ?? 0) + 1
  if (newest?.manifest == null) return { store, newest: null, counts }
  const { id, startedMs, bytes, manifest } = newest
  return { store, newest: { id, startedMs, bytes, encryption: manifest.encryption }, counts }
}

function problemsOf({ store, newest, counts }: BackupReport, maxAgeMs: number, nowMs: number): Problem[] {
  const about = `backups of ${store}`
  const next = `obleth-ledger backup ${store}`
  const damaged = counts.damaged ?? 0
  const incomplete = counts.incomplete ?? 0
  const problems: Problem[] = []
  if (newest === null) {
    // Redis is rebuilt from Postgres: that it has none is a choice.
    if (store !== 'redis') problems.push({ about, reason: 'there is no complete one', next })
  } else if (nowMs - newest.startedMs > maxAgeMs)
    problems.push({ about, reason: `the newest complete one is ${age(nowMs - newest.startedMs)} old`, next })
  if (damaged > 0)
    problems.push({ about, reason: `damaged: ${damaged}`, next: 'obleth-ledger backups list names what is missing' })
  if (incomplete > 0)
    problems.push({
      about,
      reason: `begun and never finished: ${incomplete}`,
      next: 'see why in the log of that run; obleth-ledger backups prune --confirm clears them away',
    })
  return problems
}
