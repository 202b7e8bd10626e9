import { createHash } from 'node:crypto'
import { mkdtemp, readdir, realpath, rm, stat } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { isProcessAlive } from '../domain/process-alive.js'

const PREFIX = 'obleth-ledger-work-'

/**
 * Lends a folder in the temporary directory, for this user alone, and removes it afterwards. First it removes those of
 * commands that were killed on this machine: each may be as large as a ledger.
 */
export async function withWorkFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const parent = await realpath(tmpdir())
  const machine = createHash('sha256').update(hostname()).digest('hex').slice(0, 8)
  await removeLeft(parent, machine)
  const folder = await mkdtemp(join(parent, `${PREFIX}${machine}-${process.pid}-`))
  try {
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function removeLeft(parent: string, machine: string): Promise<void> {
  const names = await readdir(parent).catch(() => [])
  for (const name of names) {
    const [, pid] = new RegExp(`^${PREFIX}${machine}-(\\d+)-\\w{6}$`).exec(name) ?? []
    if (pid === undefined || isProcessAlive(Number(pid))) continue
    const folder = join(parent, name)
    const owner = await stat(folder).catch(() => null)
    if (owner?.uid === process.getuid?.()) await rm(folder, { recursive: true, force: true }).catch(() => {})
  }
}
