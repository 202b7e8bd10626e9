import { hostname } from 'node:os'
import type { BackupManifest, BackupsOptions } from '../domain/backup.js'
import { Pace } from '../domain/pace.js'
import { toolVersion } from '../pipeline/version.js'
import { encryptionOf } from './encryption.js'
import { newBackupId } from './id.js'
import { folderOf, makerPath, writeJson, writeManifest } from './manifest.js'
import { removeBackup } from './prune.js'
import type { Storage } from './storage/storage.js'
import type { Store } from './store.js'
import { BackupWriter } from './writer.js'

/** What a failed backup has left is cleared away within this. */
const CLEAR_AWAY_MS = 60_000

/**
 * Makes a backup of a store: its files, then its manifest, then away with the note of who is making it. One that
 * fails is cleared away; killed anywhere it leaves a backup that `backups list` shows as incomplete. Earlier ones are never
 * touched.
 */
export async function takeBackup(
  store: Store,
  storage: Storage,
  { keys, bytesPerSecond }: Pick<BackupsOptions, 'keys' | 'bytesPerSecond'>,
  signal: AbortSignal,
): Promise<BackupManifest> {
  const encryption = encryptionOf(keys)
  const startedMs = Date.now()
  const id = newBackupId(startedMs)
  await writeJson(storage, makerPath(store.name, id), { pid: process.pid, host: hostname() }, signal)
  const writer = new BackupWriter(
    storage,
    folderOf(store.name, id),
    encryption,
    keys,
    new Pace(bytesPerSecond, signal),
    signal,
  )
  const taken = await store.backup(writer).catch(async (error: unknown) => {
    // What cannot be cleared away now is shown as incomplete, and pruned.
    await removeBackup(storage, store, id, AbortSignal.timeout(CLEAR_AWAY_MS)).catch(() => {})
    throw error
  })
  const manifest: BackupManifest = {
    store: store.name,
    id,
    tool: toolVersion(),
    ...taken,
    startedAt: new Date(startedMs).toISOString(),
    finishedAt: new Date().toISOString(),
    encryption,
    serverSideEncryption: storage.encryption,
    files: writer.files,
  }
  await writeManifest(storage, manifest, signal)
  await storage.remove(makerPath(store.name, id), signal)
  return manifest
}
