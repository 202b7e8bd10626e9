import type { BackupManifest, BackupsOptions, DrilledBackup } from '../domain/backup.js'
import { withSpooled } from './spool.js'
import type { Storage } from './storage/storage.js'
import type { Spooled, Store } from './store.js'

/**
 * Restores a backup into something that exists for this alone, and times it: fetching and opening its files, then the
 * restore with its comparison. Throws what would keep a real restore from happening, such as a wrong key.
 */
export async function drillBackup(
  manifest: BackupManifest,
  bytes: number,
  store: Store,
  storage: Storage,
  options: BackupsOptions,
  signal: AbortSignal,
): Promise<DrilledBackup> {
  const begun = performance.now()
  const restore = async (spooled: Spooled) => {
    const fetched = performance.now()
    const findings = await store.drill(spooled, signal)
    return {
      store: store.name,
      id: manifest.id,
      bytes,
      fetchMs: fetched - begun,
      restoreMs: performance.now() - fetched,
      findings,
    }
  }
  return withSpooled(storage, manifest, options.keys, signal, restore, store.needs)
}
