import type {
  BackupEntry,
  BackupManifest,
  BackupsOptions,
  DrilledBackup,
  KeepPolicy,
  PruneDecision,
  StoreName,
  VerifiedBackup,
} from '../domain/backup.js'
import { LedgerError } from '../domain/errors.js'
import { drillBackup } from './drill.js'
import { listBackups, STORES } from './list.js'
import { decide, removeBackup } from './prune.js'
import { openStorage } from './storage/open.js'
import { storeOf } from './stores.js'
import { takeBackup } from './take.js'
import { verifyBackup } from './verify.js'

/** Backs up one store. Throws what its programs, the storage and the keys give cause for. */
export async function backup(name: StoreName, options: BackupsOptions, signal: AbortSignal): Promise<BackupManifest> {
  const store = await storeOf(name, options.stores)
  return takeBackup(store, openStorage(options), options, signal)
}

/** Every backup there is, newest first within each store. */
export async function backupsList(
  options: BackupsOptions,
  signal: AbortSignal,
): Promise<{ readonly place: string; readonly backups: readonly BackupEntry[] }> {
  const storage = openStorage(options)
  return { place: storage.place, backups: await listBackups(storage, signal) }
}

/**
 * Proves one backup, or all of them but those that are being made.
 *
 * @param named a backup's id; `latest` for the newest of each store, '' for all
 * @throws LedgerError `source_not_found` where there is none
 */
export async function backupsVerify(
  options: BackupsOptions,
  named: string,
  signal: AbortSignal,
): Promise<{ readonly place: string; readonly verified: readonly VerifiedBackup[] }> {
  const storage = openStorage(options)
  const entries = (await listBackups(storage, signal)).filter(({ state }) => state !== 'running')
  const chosen = choose(entries, named, storage.place)
  const verified: VerifiedBackup[] = []
  for (const entry of chosen) {
    signal.throwIfAborted()
    verified.push(
      await orTold(
        chosen.length > 1,
        async () => verifyBackup(entry, await storeOf(entry.store, options.stores), storage, options.keys, signal),
        (reason) => {
          const { store, id, bytes } = entry
          return { store, id, bytes, opened: false, findings: [{ store, id, path: null, reason }] }
        },
      ),
    )
  }
  return { place: storage.place, verified }
}

/**
 * Restores one complete backup for practice, or the newest of each store.
 *
 * @param named a backup's id; `latest` or '' for the newest of each store
 * @throws LedgerError `source_not_found` where there is none
 */
export async function backupsDrill(
  options: BackupsOptions,
  named: string,
  signal: AbortSignal,
): Promise<{
  readonly place: string
  readonly drilled: readonly DrilledBackup[]
  readonly without: readonly StoreName[]
}> {
  const storage = openStorage(options)
  const complete = (await listBackups(storage, signal)).filter(({ state }) => state === 'complete')
  const drilled: DrilledBackup[] = []
  for (const { manifest, bytes } of choose(complete, named === '' ? 'latest' : named, storage.place)) {
    if (manifest === null) continue
    signal.throwIfAborted()
    drilled.push(
      await orTold(
        complete.length > 1 && named === '',
        async () =>
          drillBackup(manifest, bytes, await storeOf(manifest.store, options.stores), storage, options, signal),
        (reason) => ({ store: manifest.store, id: manifest.id, bytes, fetchMs: 0, restoreMs: 0, findings: [reason] }),
      ),
    )
  }
  const without = STORES.filter((name) => !complete.some(({ store }) => store === name))
  return { place: storage.place, drilled, without }
}

/** Where several are looked at, one that cannot be opened says so in its turn, and hides nothing of the others. */
async function orTold<T>(several: boolean, look: () => Promise<T>, told: (reason: string) => T): Promise<T> {
  try {
    return await look()
  } catch (error) {
    if (!several || !(error instanceof LedgerError) || error.code === 'interrupted') throw error
    return told(`it cannot be opened: ${error.message}${error.hint === undefined ? '' : ` (${error.hint})`}`)
  }
}

/** The backups that a name means: '' for all of them. */
function choose(entries: readonly BackupEntry[], named: string, place: string): readonly BackupEntry[] {
  const newest = new Map([...entries].reverse().map((entry) => [entry.store, entry.id]))
  const chosen = entries.filter(({ store, id }) =>
    named === '' ? true : named === 'latest' ? newest.get(store) === id : named === id,
  )
  if (chosen.length > 0) return chosen
  throw new LedgerError(
    'source_not_found',
    named === ''
      ? 'there is no backup'
      : named === 'latest'
        ? 'there is no complete backup'
        : 'there is no such backup',
    {
      place,
      hint: 'obleth-ledger backups list shows what there is; --backups names another place',
    },
  )
}

/** What a policy keeps and removes; removes it only where `confirmed`. */
export async function backupsPrune(
  options: BackupsOptions,
  policy: KeepPolicy,
  confirmed: boolean,
  signal: AbortSignal,
): Promise<{ readonly place: string; readonly removed: boolean; readonly decisions: readonly PruneDecision[] }> {
  const storage = openStorage(options)
  const decisions = decide(await listBackups(storage, signal), policy)
  if (confirmed)
    for (const { keep, store, id } of decisions)
      if (!keep) await removeBackup(storage, await storeOf(store, options.stores), id, signal)
  return { place: storage.place, removed: confirmed, decisions }
}
