import { readFile } from 'node:fs/promises'
import type { StoreOptions } from '../../domain/backup.js'
import { type ErrorCode, LedgerError } from '../../domain/errors.js'
import type { TargetOptions } from '../../domain/options.js'
import { newBackupId } from '../id.js'
import type { Spooled, Store } from '../store.js'
import { withTemporaryFolder } from '../temporary.js'
import { COUNTS_FILE, readCounts } from './counts.js'
import { scratchName } from './names.js'
import { nativeTool } from './native.js'
import { withOpenLedger } from './open.js'
import { tryOut } from './scratch.js'
import { takeLedger } from './take.js'
import type { Stored } from './tool.js'

/** The ledger, embedded or on a server. */
export function clickhouseStore({ clickhouse, clickhouseBackups }: StoreOptions): Store {
  const drill = async (spooled: Spooled, signal: AbortSignal) => {
    const counts = readCounts(await readFile(spooled.file(COUNTS_FILE), 'utf8'))
    return withScratchTarget(spooled, clickhouse, (target) =>
      withOpenLedger(target, (ledger, work) => {
        const trial = scratchName(ledger.database, 'trial', newBackupId(Date.now()))
        const tool = nativeTool(work, clickhouseBackups)
        return found(tryOut(ledger, tool, storedOf(spooled), counts, trial, signal))
      }),
    )
  }
  return {
    name: 'clickhouse',
    backup: (writer) =>
      withOpenLedger(clickhouse, (ledger, work) => takeLedger(ledger, work, clickhouseBackups, writer)),
    async check(spooled, signal) {
      // What stays on the server can be read by a restore alone.
      if (isOnServer(spooled)) return drill(spooled, signal)
      readCounts(await readFile(spooled.file(COUNTS_FILE), 'utf8'))
      return nativeTool('', clickhouseBackups).check(storedOf(spooled), signal)
    },
    drill,
  }
}

/** What is wrong with a backup is what is looked for, also where a restore fails because of it. */
async function found(trial: Promise<readonly string[]>): Promise<readonly string[]> {
  try {
    return await trial
  } catch (error) {
    if (error instanceof LedgerError && DAMAGE.includes(error.code)) return [error.message]
    throw error
  }
}

const DAMAGE: readonly ErrorCode[] = ['target_failed', 'verification_failed']

const storedOf = ({ manifest, file }: Spooled): Stored => ({ contents: manifest.contents, file })

const isOnServer = ({ manifest }: Spooled) => manifest.contents.facts.disk !== null

/** A new embedded ledger, so that no server has to carry a drill; but the server itself where the rows are there. */
async function withScratchTarget<T>(
  spooled: Spooled,
  target: TargetOptions,
  use: (target: TargetOptions) => Promise<T>,
): Promise<T> {
  if (isOnServer(spooled)) return use(target)
  return withTemporaryFolder('drill', (embedded) => use({ ...target, url: undefined, embedded }))
}
