import { hostname } from 'node:os'
import { z } from 'zod'
import type { BackupEntry, BackupManifest, BackupState, StoreName } from '../domain/backup.js'
import { LedgerError } from '../domain/errors.js'
import { isProcessAlive } from '../domain/process-alive.js'
import { startOf } from './id.js'
import { folderOf, makerPath, manifestPath, parseJson, readManifest, readText } from './manifest.js'
import type { Storage, StoredFile } from './storage/storage.js'

export const STORES: readonly StoreName[] = ['postgres', 'redis', 'clickhouse']

/** Where nobody can tell whether its maker lives, a backup counts as being made for so long after its last change. */
const QUIET_MS = 24 * 3_600_000

const maker = z.object({ pid: z.number(), host: z.string() })

/** Every backup in a storage, newest first within each store. What is no backup of ours is passed over. */
export async function listBackups(storage: Storage, signal: AbortSignal): Promise<BackupEntry[]> {
  const entries: BackupEntry[] = []
  for (const store of STORES) {
    const byId = new Map<string, StoredFile[]>()
    for await (const file of storage.list(`${store}/`, signal)) {
      const id = file.path.split('/')[1]
      if (startOf(id) !== null) byId.set(id, [...(byId.get(id) ?? []), file])
    }
    for (const [id, files] of [...byId].sort(([a], [b]) => (a < b ? 1 : -1)))
      entries.push(await entryOf(storage, store, id, files, signal))
  }
  return entries
}

async function entryOf(
  storage: Storage,
  store: StoreName,
  id: string,
  files: readonly StoredFile[],
  signal: AbortSignal,
): Promise<BackupEntry> {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  const base = { store, id, startedMs: startOf(id) ?? 0, bytes }
  const none = (state: BackupState, reason: string) => ({ ...base, state, reason, manifest: null })
  if (!files.some(({ path }) => path === manifestPath(store, id)))
    return (await isBeingMade(storage, store, id, files, signal))
      ? none('running', 'it is being made')
      : none('incomplete', 'it was begun and never finished: prune removes it')
  try {
    const manifest = await readManifest(storage, store, id, signal)
    const reason = missingFrom(manifest, files)
    return { ...base, state: reason === null ? 'complete' : 'damaged', reason, manifest }
  } catch (error) {
    if (error instanceof LedgerError && error.code === 'state_damaged') return none('damaged', error.message)
    throw error
  }
}

/** What of a backup's files is not there as its manifest says, by sizes alone. */
function missingFrom({ store, id, files }: BackupManifest, there: readonly StoredFile[]): string | null {
  const sizes = new Map(there.map(({ path, bytes }) => [path, bytes]))
  for (const { path, bytes } of files) {
    const size = sizes.get(`${folderOf(store, id)}/${path}`)
    if (size === undefined) return `${path} is missing`
    if (size !== bytes) return `${path} has ${size} bytes where the manifest says ${bytes}`
  }
  return null
}

async function isBeingMade(
  storage: Storage,
  store: StoreName,
  id: string,
  files: readonly StoredFile[],
  signal: AbortSignal,
): Promise<boolean> {
  const path = makerPath(store, id)
  // Its maker is the first file of a backup and the last that a removal takes.
  if (!files.some((file) => file.path === path)) return false
  const read = maker.safeParse(parseJson(await readText(storage, path, signal)))
  if (read.success && read.data.host === hostname()) return isProcessAlive(read.data.pid)
  return Date.now() - Math.max(...files.map(({ modifiedMs }) => modifiedMs)) < QUIET_MS
}

/**
 * The backup that a user names, `latest` for the newest complete one.
 *
 * @throws LedgerError `source_not_found` where there is none, `refused` where it is not complete
 */
export async function findBackup(
  storage: Storage,
  store: StoreName,
  named: string,
  signal: AbortSignal,
): Promise<BackupManifest> {
  const entries = (await listBackups(storage, signal)).filter((entry) => entry.store === store)
  const entry = entries.find(({ id, state }) => (named === 'latest' ? state === 'complete' : id === named))
  if (entry === undefined)
    throw new LedgerError(
      'source_not_found',
      `there is no ${named === 'latest' ? 'complete' : 'such'} backup of ${store}`,
      {
        place: storage.place,
        hint: 'obleth-ledger backups list shows what there is; --backups names another place',
      },
    )
  if (entry.manifest !== null && entry.state === 'complete') return entry.manifest
  throw new LedgerError('refused', `the backup is not whole: ${entry.reason}`, {
    place: `${storage.place}/${folderOf(store, entry.id)}`,
    hint: 'obleth-ledger backups list shows which ones are complete',
  })
}
