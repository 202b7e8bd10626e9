import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** Lends a directory of its own under the state directory for files of rows on their way to the target. */
export async function withSpool<Outcome>(
  stateDir: string,
  prefix: string,
  use: (spoolDir: string) => Promise<Outcome>,
): Promise<Outcome> {
  mkdirSync(resolve(stateDir), { recursive: true, mode: 0o700 })
  const dir = mkdtempSync(join(resolve(stateDir), prefix))
  try {
    return await use(dir)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
