import { randomUUID } from 'node:crypto'
import { rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { LedgerError } from '../domain/errors.js'

/** What the table function file() takes for a pattern or for the path of an archive's member. */
const SPECIAL = /[*?{}[\]|<>]|::/

/**
 * Runs `use` with an absolute path that file() reads as it stands. ClickHouse knows no escape for patterns, so a path
 * with such characters is given as a symbolic link from the temporary directory, which exists while `use` runs.
 */
export async function withGlobFreePath<T>(file: string, use: (path: string) => Promise<T>): Promise<T> {
  const path = resolve(file)
  if (!SPECIAL.test(path)) return await use(path)
  const link = join(tmpdir(), `obleth-ledger-${randomUUID()}`)
  if (SPECIAL.test(link))
    throw new LedgerError('config', 'neither the state directory nor the temporary directory has a plain path', {
      place: path,
      hint: 'choose a --state-dir without any of * ? { } [ ] | < > ::',
    })
  await symlink(path, link)
  try {
    return await use(link)
  } finally {
    await rm(link, { force: true })
  }
}
