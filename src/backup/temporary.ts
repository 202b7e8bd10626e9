import { createHash } from 'node:crypto'
import { lstat, mkdtemp, readdir, realpath, rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { isProcessAlive } from '../domain/process-alive.js'

/** Of this machine: containers that share a directory count their processes each for itself. */
const MACHINE = createHash('sha256').update(hostname()).digest('hex').slice(0, 8)
/** With the number of the process that it belongs to. */
const NAME = new RegExp(`^obleth-ledger-(?:backup|gpg|drill|bench)-${MACHINE}-(\\d+)-\\w{6}$`)

type Kind = 'backup' | 'gpg' | 'drill' | 'bench'

/**
 * A new folder that only this user may enter, for what is decrypted, restored or secret; whoever makes it removes it. What
 * killed commands of this user left of that kind is removed first: it should lie nowhere longer than it must, and may be as
 * large as a ledger.
 *
 * @param within where, if not in the machine's directory of temporary files
 */
export async function temporaryFolder(kind: Kind, within = tmpdir()): Promise<string> {
  const parent = await realpath(within)
  for (const name of await readdir(parent)) {
    const pid = NAME.exec(name)?.[1]
    if (pid === undefined || isProcessAlive(Number(pid))) continue
    const left = await lstat(join(parent, name)).catch(() => null)
    if (left?.uid === process.getuid?.()) await rm(join(parent, name), { recursive: true, force: true }).catch(() => {})
  }
  return mkdtemp(join(parent, `obleth-ledger-${kind}-${MACHINE}-${process.pid}-`))
}

/** Lends such a folder, and removes it afterwards. */
export async function withTemporaryFolder<T>(
  kind: Kind,
  use: (folder: string) => Promise<T>,
  within?: string,
): Promise<T> {
  const folder = await temporaryFolder(kind, within)
  try {
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
