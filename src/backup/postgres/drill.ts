import { withPostgres } from '../../postgres/client.js'
import type { Spooled } from '../store.js'
import { compareWith, namesOf } from './compare.js'
import { GLOBALS } from './dump.js'
import { RESTORE_HINTS } from './errors.js'
import { pgRestore } from './pg-restore.js'
import { dumpVersion, programsFor } from './programs.js'
import { createRoles, readRoles, withRelated } from './roles.js'
import { withScratchServer } from './scratch.js'

/** Restores a dump into a scratch server of this machine, with its owners and grants, and compares the counts. */
export async function drillDump(spooled: Spooled, signal: AbortSignal): Promise<readonly string[]> {
  const { manifest } = spooled
  const programs = await programsFor('serve', dumpVersion(manifest), signal)
  const encoding = String(manifest.contents.facts.encoding)
  return withScratchServer(programs, encoding, signal, async (target) => {
    const roles = await readRoles(spooled.file(GLOBALS))
    const needed = withRelated(namesOf(manifest.contents.facts.roles), roles)
    await withPostgres(target, RESTORE_HINTS, { signal }, (client) => createRoles(client, needed, roles))
    const application = 'obleth-ledger drill'
    await pgRestore({ programs, spooled, target, application, owners: true, keptExtensions: [] }, signal)
    return (await compareWith(manifest, target, signal)).differences
  })
}
