import type { BackupEntry, BackupFinding, KeyOptions, VerifiedBackup } from '../domain/backup.js'
import { LedgerError } from '../domain/errors.js'
import { Hashing } from './hashing.js'
import { folderOf } from './manifest.js'
import { withSpooled } from './spool.js'
import type { Storage } from './storage/storage.js'
import type { Store } from './store.js'

/**
 * Proves a backup: each stored file has the bytes of the manifest, and, where it can be opened, the store's own programs
 * read it to its end.
 */
export async function verifyBackup(
  entry: BackupEntry,
  store: Store,
  storage: Storage,
  keys: KeyOptions,
  signal: AbortSignal,
): Promise<VerifiedBackup> {
  const { id, bytes: size, manifest } = entry
  const found = (opened: boolean, findings: readonly BackupFinding[]) => ({
    store: store.name,
    id,
    bytes: size,
    opened,
    findings,
  })
  const finding = (path: string | null, reason: string) => ({ store: store.name, id, path, reason })
  if (manifest === null || entry.state !== 'complete') return found(false, [finding(null, entry.reason ?? entry.state)])
  const findings: BackupFinding[] = []
  for (const file of manifest.files) {
    const hashing = new Hashing()
    for await (const _ of hashing.through(storage.read(`${folderOf(store.name, id)}/${file.path}`, signal)));
    const { bytes, sha256 } = hashing.digest()
    if (bytes !== file.bytes || sha256 !== file.sha256)
      findings.push(finding(file.path, 'its bytes are not those that were stored'))
  }
  if (findings.length > 0 || !canOpen(manifest.encryption, keys)) return found(false, findings)
  try {
    const said = await withSpooled(
      storage,
      manifest,
      keys,
      signal,
      (spooled) => store.check(spooled, signal),
      store.needs,
    )
    return found(
      true,
      said.map((reason) => finding(null, reason)),
    )
  } catch (error) {
    // A wrong key is the user's matter; damage is what was looked for.
    if (!(error instanceof LedgerError) || error.code !== 'verification_failed') throw error
    return found(false, [finding(null, error.message)])
  }
}

function canOpen(encryption: string, { ageIdentity, gpgPassphraseFile }: KeyOptions): boolean {
  if (encryption === 'none') return true
  return (encryption === 'age' ? ageIdentity : gpgPassphraseFile) !== undefined
}
