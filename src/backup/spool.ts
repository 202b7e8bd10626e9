import { mkdir, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { BackedUpFile, BackupManifest, KeyOptions } from '../domain/backup.js'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import { writeError } from '../domain/write-error.js'
import { decrypt, SUFFIX } from './encryption.js'
import { Hashing } from './hashing.js'
import { folderOf } from './manifest.js'
import type { Storage } from './storage/storage.js'
import type { Spooled } from './store.js'
import { withTemporaryFolder } from './temporary.js'

const HINT = 'free some space, or name another disk with TMPDIR; nothing was restored'

/**
 * Brings a backup's files to this machine, decrypted and each compared with its SHA-256, stored and plain, before anything
 * may use them; hands them over, and removes them afterwards.
 *
 * @param wanted which files, by their names without the ending of the encryption; all where not given
 * @throws LedgerError `verification_failed` naming the first file that differs; what storage and decryption throw
 */
export async function withSpooled<T>(
  storage: Storage,
  manifest: BackupManifest,
  keys: KeyOptions,
  signal: AbortSignal,
  use: (spooled: Spooled) => Promise<T>,
  wanted: (name: string) => boolean = () => true,
): Promise<T> {
  return withTemporaryFolder('backup', async (folder) => {
    const files = manifest.files.filter((file) => wanted(plainName(file, manifest)))
    for (const file of files) await fetchFile(storage, manifest, file, folder, keys, signal)
    return await use({ manifest, file: (name) => join(folder, name) })
  })
}

async function fetchFile(
  storage: Storage,
  manifest: BackupManifest,
  file: BackedUpFile,
  folder: string,
  keys: KeyOptions,
  signal: AbortSignal,
): Promise<void> {
  const stored = new Hashing()
  const plain = new Hashing()
  const { encryption, store, id } = manifest
  const path = `${folderOf(store, id)}/${file.path}`
  const target = join(folder, plainName(file, manifest))
  const bytes = decrypt(stored.through(storage.read(path, signal)), encryption, keys, signal)
  await writeTo(target, plain.through(bytes))
  assertSame(stored.digest(), file, storage.place, path)
  assertSame(plain.digest(), file.plain, storage.place, path)
}

/** A file's name without the ending of the encryption. */
export function plainName({ path }: BackedUpFile, { encryption }: BackupManifest): string {
  return path.slice(0, path.length - SUFFIX[encryption].length)
}

async function writeTo(file: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const handle = await open(file, 'wx', 0o600)
  try {
    for await (const chunk of chunks)
      for (let done = 0; done < chunk.length; ) done += (await handle.write(chunk, done)).bytesWritten
  } catch (error) {
    throw (error as NodeJS.ErrnoException).syscall === 'write' ? writeError('the spool', file, error, HINT) : error
  } finally {
    await handle.close()
  }
}

type Digest = Pick<BackedUpFile, 'bytes' | 'sha256'>

function assertSame(got: Digest, expected: Digest, place: string, path: string): void {
  if (got.bytes === expected.bytes && got.sha256 === expected.sha256) return
  const what =
    got.bytes === expected.bytes
      ? 'its SHA-256 is not that of the manifest'
      : `it has ${got.bytes} bytes where the manifest says ${expected.bytes}`
  throw new LedgerError('verification_failed', `a file of the backup is not what was stored: ${what}`, {
    place: printable(`${place}/${path}`),
    hint: 'obleth-ledger backups verify tells which backups are sound; nothing was restored',
  })
}
