import { createHash } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'

/**
 * Lends a directory under the state directory for files of rows on their way to the target. `owner` names what goes on
 * there under a lock: taken up again after a kill, it finds the files of the killed one and removes them first. Hashed,
 * as such a name comes from the target and would be a path.
 */
export async function withSpool<Outcome>(
  stateDir: string,
  owner: string,
  use: (spoolDir: string) => Promise<Outcome>,
): Promise<Outcome> {
  const dir = join(resolve(stateDir), `spool-${createHash('sha256').update(owner).digest('hex').slice(0, 16)}`)
  rmSync(dir, { recursive: true, force: true })
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  try {
    return await use(dir)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
