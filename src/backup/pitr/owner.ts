import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { LedgerError } from '../../domain/errors.js'
import type { ArchivedCluster } from '../../domain/pitr.js'
import { printable } from '../../domain/printable.js'
import type { ProgramOptions } from '../program.js'

export interface Owner {
  readonly uid: number
  readonly gid: number
}

/** How programs are run for a cluster: as its owner. Barman may live on another machine than the cluster. */
export async function actingAsOwner({ tool, dataDir }: ArchivedCluster, signal: AbortSignal): Promise<ProgramOptions> {
  const as = tool === 'barman' && !existsSync(dataDir) ? undefined : await ownerOf(dataDir)
  // The folder in which root stands may be closed to others.
  return as === undefined ? { signal } : { as, cwd: '/', signal }
}

/**
 * As whom the tools are run: the owner of the data directory; where it is gone, of the nearest folder above it that is
 * not root's. pgBackRest does not refuse root, but what it writes then nobody else can go on with. Undefined where this
 * process is that user already.
 *
 * @throws LedgerError `access_denied` where this process may not act for the owner, `config` where none can be found
 */
async function ownerOf(dataDir: string): Promise<Owner | undefined> {
  const mine = process.getuid?.() ?? 0
  const owner = await nearestOwner(dataDir)
  if (owner === null)
    throw new LedgerError('config', 'the owner of the cluster cannot be told from its data directory', {
      place: printable(dataDir),
      hint: 'name the data directory with --pg-data, or run the command as the user who owns the cluster',
    })
  if (owner.uid === mine) return undefined
  if (mine === 0) return owner
  throw new LedgerError('access_denied', 'this user does not own the cluster', {
    place: printable(dataDir),
    hint: 'run the command as the owner of the data directory, or as root, who acts as that user',
  })
}

async function nearestOwner(path: string): Promise<Owner | null> {
  for (let folder = path; ; folder = dirname(folder)) {
    const found = await stat(folder).catch(() => null)
    if (found !== null && found.uid !== 0) return { uid: found.uid, gid: found.gid }
    if (folder === dirname(folder)) return process.getuid?.() === 0 ? null : myself()
  }
}

const myself = (): Owner => ({ uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 })
