import type { BackupEntry, KeepPolicy, PruneDecision } from '../domain/backup.js'
import { STORES } from './list.js'
import { folderOf, makerPath, manifestPath } from './manifest.js'
import type { Storage } from './storage/storage.js'
import type { Store } from './store.js'

/** Periods of the policy, and what a moment belongs to. */
const PERIODS: readonly [keyof KeepPolicy, (ms: number) => string][] = [
  ['daily', (ms) => new Date(ms).toISOString().slice(0, 10)],
  ['weekly', (ms) => `week of ${mondayOf(ms)}`],
  ['monthly', (ms) => new Date(ms).toISOString().slice(0, 7)],
  ['yearly', (ms) => new Date(ms).toISOString().slice(0, 4)],
]

const DAY_MS = 86_400_000
/** The first day of unix time was a Thursday. */
const DAYS_FROM_MONDAY = 3

function mondayOf(ms: number): string {
  const day = Math.floor(ms / DAY_MS)
  const monday = day - ((day + DAYS_FROM_MONDAY) % 7)
  return new Date(monday * DAY_MS).toISOString().slice(0, 10)
}

/**
 * What a policy keeps, with a reason for each, and what it removes. Only complete backups count for the policy; the newest
 * of each store stays whatever the policy says. What was begun and never finished goes; what is being made, or is damaged
 * so that somebody should look at it, stays.
 * @param entries as `listBackups` gives them, newest first within each store
 */
export function decide(entries: readonly BackupEntry[], policy: KeepPolicy): PruneDecision[] {
  return STORES.flatMap((store) => {
    const ofStore = entries.filter((entry) => entry.store === store)
    const reasons = reasonsToKeep(
      ofStore.filter(({ state }) => state === 'complete'),
      policy,
    )
    return ofStore.map((entry) => {
      const { id, state, bytes } = entry
      const why = otherReason(entry) ?? reasons.get(id) ?? []
      const keep = state === 'incomplete' ? false : why.length > 0
      return { store, id, state, bytes, keep, reasons: why.length > 0 ? why : ['no rule keeps it'] }
    })
  })
}

function otherReason({ state, reason }: BackupEntry): string[] | null {
  if (state === 'complete') return null
  if (state === 'damaged') return [`${reason ?? 'damaged'}: look at it, and remove it by hand`]
  return [reason ?? state]
}

function reasonsToKeep(complete: readonly BackupEntry[], policy: KeepPolicy): Map<string, string[]> {
  const reasons = new Map<string, string[]>()
  const keep = (id: string, why: string) => void reasons.set(id, [...(reasons.get(id) ?? []), why])
  for (const [n, { id }] of complete.entries()) {
    if (n < policy.last) keep(id, `last ${n + 1} of ${policy.last}`)
    else if (n === 0) keep(id, 'the last good one')
  }
  for (const [name, periodOf] of PERIODS) {
    const periods = new Set<string>()
    for (const { id, startedMs } of complete) {
      const period = periodOf(startedMs)
      if (periods.has(period) || periods.size >= policy[name]) continue
      periods.add(period)
      keep(id, `${name}: ${period}`)
    }
  }
  return reasons
}

/**
 * Removes a backup: what other programs keep of it, which may be out of reach; then the manifest, so that what an interruption
 * leaves is no complete backup; then the other files.
 */
export async function removeBackup(storage: Storage, store: Store, id: string, signal: AbortSignal): Promise<void> {
  const folder = folderOf(store.name, id)
  const [first, last] = [manifestPath(store.name, id), makerPath(store.name, id)]
  const paths: string[] = []
  for await (const { path } of storage.list(`${folder}/`, signal)) paths.push(path)
  await store.discard?.(folder, paths, signal)
  await storage.remove(first, signal)
  for (const path of paths.filter((path) => path !== first && path !== last)) {
    signal.throwIfAborted()
    await storage.remove(path, signal)
  }
  await storage.abandon(`${folder}/`, signal)
  await storage.remove(last, signal)
}
