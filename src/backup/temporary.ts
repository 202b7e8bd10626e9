import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isProcessAlive } from '../domain/process-alive.js'

/** With the number of the process that it belongs to. */
const NAME = /^obleth-ledger-(?:backup|gpg|drill)-(\d+)-/

/**
 * A new folder that only this user may enter, for what is decrypted, restored or secret; whoever makes it removes it. What
 * killed commands of this user left of that kind is removed first: it should lie nowhere longer than it must.
 */
export async function temporaryFolder(kind: 'backup' | 'gpg' | 'drill'): Promise<string> {
  for (const name of await readdir(tmpdir())) {
    const pid = NAME.exec(name)?.[1]
    if (pid === undefined || isProcessAlive(Number(pid))) continue
    const left = await lstat(join(tmpdir(), name)).catch(() => null)
    if (left?.uid === process.getuid?.()) await rm(join(tmpdir(), name), { recursive: true, force: true })
  }
  return mkdtemp(join(tmpdir(), `obleth-ledger-${kind}-${process.pid}-`))
}
