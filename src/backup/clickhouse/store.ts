import { readFile } from 'node:fs/promises'
import type { StoreOptions } from '../../domain/backup.js'
import { type ErrorCode, LedgerError } from '../../domain/errors.js'
import type { TargetOptions } from '../../domain/options.js'
import { newBackupId } from '../id.js'
import type { Spooled, Store } from '../store.js'
import { withTemporaryFolder } from '../temporary.js'
import { discard, MARK_FILE } from './clickhouse-backup/tool.js'
import { COUNTS_FILE, readCounts } from './counts.js'
import { inBucket, isInBucket } from './in-bucket.js'
import { scratchName } from './names.js'
import { withOpenLedger } from './open.js'
import { tryOut } from './scratch.js'
import { takeLedger } from './take.js'
import type { Stored } from './tool.js'
import { toolOf } from './tools.js'

/** The ledger, embedded or on a server. */
export function clickhouseStore({
  clickhouse,
  clickhouseBackups,
}: Pick<StoreOptions, 'clickhouse' | 'clickhouseBackups'>): Store {
  const drill = async (spooled: Spooled, signal: AbortSignal) => {
    const counts = readCounts(await readFile(spooled.file(COUNTS_FILE), 'utf8'))
    return withScratchTarget(spooled, clickhouse, (target) =>
      withOpenLedger(target, (ledger, work) => {
        const trial = scratchName(ledger.database, 'trial', newBackupId(Date.now()))
        const tool = toolOf(spooled.manifest, work, clickhouseBackups)
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
      if (isOnServer(spooled) && inBucket(spooled.manifest.contents) === null) return drill(spooled, signal)
      readCounts(await readFile(spooled.file(COUNTS_FILE), 'utf8'))
      return toolOf(spooled.manifest, '', clickhouseBackups).check(storedOf(spooled), signal)
    },
    drill,
    needs: (name) => !isInBucket(name),
    async discard(folder, files, signal) {
      if (files.some((path) => path.startsWith(`${folder}/${MARK_FILE}`)))
        await discard(folder, clickhouseBackups.program, signal)
    },
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

const DAMAGE: readonly ErrorCode[] = ['target_failed', 'verification_failed', 'source_not_found']

const storedOf = ({ manifest, file }: Spooled): Stored => ({ contents: manifest.contents, file })

/** On a disk of the server, with clickhouse-backup, or where the server reads it by itself. */
const isOnServer = ({ manifest: { contents } }: Spooled) => contents.facts.disk !== null || inBucket(contents) !== null

/** A new embedded ledger, so that no server has to carry a drill; but the server itself where the rows are there. */
async function withScratchTarget<T>(
  spooled: Spooled,
  target: TargetOptions,
  use: (target: TargetOptions) => Promise<T>,
): Promise<T> {
  if (isOnServer(spooled)) return use(target)
  return withTemporaryFolder('drill', (embedded) => use({ ...target, url: undefined, embedded }))
}
