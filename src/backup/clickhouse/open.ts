import { LedgerError } from '../../domain/errors.js'
import type { TargetOptions } from '../../domain/options.js'
import { connect } from '../../ledger/connect.js'
import type { Ledger } from '../../ledger/ledger.js'
import { withTemporaryFolder } from '../temporary.js'

/** The oldest release with BACKUP and RESTORE. */
const OLDEST = [22, 8]

/**
 * Opens a ledger for its backup or restore, with a folder of this command's own, to which an embedded engine may write;
 * closes the one and removes the other. Throws what connecting throws, and `refused` where the server is too old.
 */
export async function withOpenLedger<T>(
  target: TargetOptions,
  use: (ledger: Ledger, work: string) => Promise<T>,
): Promise<T> {
  return withTemporaryFolder('backup', async (work) => {
    const ledger = await open(target, work)
    try {
      await refuseOld(ledger)
      return await use(ledger, work)
    } finally {
      await ledger.close()
    }
  })
}

async function open(target: TargetOptions, work: string): Promise<Ledger> {
  if (target.url !== undefined) return connect(target)
  return (await import('../../ledger/embedded.js')).openEmbedded(target, work)
}

async function refuseOld(ledger: Ledger): Promise<void> {
  const [{ version }] = await ledger.rows<{ version: string }>('SELECT version() AS version')
  const [major, minor] = version.split('.').map(Number)
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return
  throw new LedgerError('refused', `ClickHouse ${version} has no BACKUP: ${OLDEST.join('.')} or newer is needed`, {
    place: ledger.location,
    hint: 'stop the server and copy its data directory, or upgrade it first',
  })
}
