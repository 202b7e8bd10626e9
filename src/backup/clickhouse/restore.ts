import { readFile } from 'node:fs/promises'
import type { BackupManifest, BackupsOptions } from '../../domain/backup.js'
import type { ClickhouseRestoreOutcome, ClickhouseRestorePlan } from '../../domain/clickhouse-restore.js'
import { LedgerError } from '../../domain/errors.js'
import { identifier } from '../../ledger/identifiers.js'
import type { Ledger } from '../../ledger/ledger.js'
import { lockOwner, refuseLiving, TargetLock } from '../../ledger/lock.js'
import { dropDatabase } from '../../ledger/scratch-database.js'
import { newBackupId } from '../id.js'
import { findBackup } from '../list.js'
import { withSpooled } from '../spool.js'
import { openStorage } from '../storage/open.js'
import { COUNTS_FILE, type LedgerCounts, newestMs, readCounts } from './counts.js'
import { isInBucket } from './in-bucket.js'
import { scratchName, scratchPrefix } from './names.js'
import { nextSteps } from './next-steps.js'
import { withOpenLedger } from './open.js'
import { forgetPlacing, notePlacing, type Placing, place, placingOf } from './placing.js'
import { proveView } from './prove-view.js'
import { type Look, lookAt } from './restore-plan.js'
import { driftingGroups, rollupAfter } from './restored-rollup.js'
import { loadBeside } from './scratch.js'
import { endStatements } from './statement.js'
import { databasesNamed, tablesIn } from './tables.js'
import type { BackupTool, Stored } from './tool.js'
import { toolOf } from './tools.js'

/** How a restore is to be done. */
export interface ClickhouseRestoreOptions {
  /** A backup's id, or `latest`. */
  readonly backup: string
  readonly dryRun: boolean
  /** Rows that the target holds may be put aside. */
  readonly replace: boolean
  /** WAL files, as the user has named them: for the replay that is offered. */
  readonly sources: readonly string[]
  readonly signal: AbortSignal
  /** Asked once, before anything is changed; false means no. */
  confirm(plan: ClickhouseRestorePlan): Promise<boolean>
}

/**
 * Restores a ledger: into a database beside it first, where rows, sums and hashes of every partition, the rollup and the
 * view are proven; only then the tables take their places, and what was there goes into another database. What fails before
 * leaves the target as it was; what stops on the way goes on by the same command. Throws `source_not_found` where there is no
 * such backup, and `refused` where it would displace rows unasked, or cannot be right there.
 */
export async function restoreClickhouse(
  backups: BackupsOptions,
  options: ClickhouseRestoreOptions,
): Promise<ClickhouseRestoreOutcome> {
  const { keys, stores } = backups
  const { signal } = options
  const storage = openStorage(backups)
  const manifest = await findBackup(storage, 'clickhouse', options.backup, signal)
  const counts = await withSpooled(
    storage,
    manifest,
    keys,
    signal,
    async ({ file }) => readCounts(await readFile(file(COUNTS_FILE), 'utf8')),
    (name) => name === COUNTS_FILE,
  )
  return withOpenLedger(stores.clickhouse, async (ledger, work) => {
    const beside = ledger.in(scratchName(ledger.database, 'restore', manifest.id))
    const { breakLock } = stores.clickhouseBackups
    const restore = new Restore(ledger, beside, manifest, counts, { signal, breakLock })
    const look = await lookAt(ledger, beside, manifest, counts)
    const outcome = (changes: Partial<ClickhouseRestoreOutcome>): ClickhouseRestoreOutcome => ({
      plan: look.plan,
      restored: false,
      aside: null,
      rollup: rollupOf(counts),
      newestMs: newestOf(manifest),
      next: nextSteps(stores.clickhouse, options.sources, null),
      ...changes,
    })
    const tool = toolOf(manifest, work, stores.clickhouseBackups)
    if (look.plan.action === 'restore') await tool.find?.(manifest.contents, signal)
    if (options.dryRun) return outcome({})
    if (look.plan.action === 'none') {
      await restore.tidyUp()
      return outcome({})
    }
    refuseRows(look.plan, options.replace)
    if (!(await options.confirm(look.plan))) throw new LedgerError('refused', 'not confirmed: nothing was done')
    const load = (use: (from: Stored) => Promise<void>) =>
      withSpooled(
        storage,
        manifest,
        keys,
        signal,
        ({ file }) => use({ contents: manifest.contents, file }),
        (name) => !isInBucket(name),
      )
    const aside = await restore.run(look, tool, load)
    const kept = aside === null ? null : await rowsKept(ledger, aside)
    return outcome({
      restored: true,
      aside,
      rollup: await rollupAfter(ledger, counts),
      next: nextSteps(stores.clickhouse, options.sources, kept),
    })
  })
}

class Restore {
  /** By which the lock and a later attempt know it. */
  private readonly runId: string

  constructor(
    private readonly ledger: Ledger,
    private readonly beside: Ledger,
    private readonly manifest: BackupManifest,
    private readonly counts: LedgerCounts,
    private readonly options: { readonly signal: AbortSignal; readonly breakLock: boolean },
  ) {
    this.runId = `restore_${manifest.id.replaceAll('-', '_')}`
  }

  /** Returns the database that holds what was there before; null where nothing was. */
  async run(look: Look, tool: BackupTool, load: Load): Promise<string | null> {
    const { ledger } = this
    await ledger.command(`CREATE DATABASE IF NOT EXISTS ${identifier(ledger.database)} ENGINE = Atomic`)
    try {
      return await this.locked(async (lock) => {
        const placing = look.placing ?? (await this.restoreBeside(look, tool, load))
        await lock.assertHeld()
        return await this.place(placing)
      })
    } catch (error) {
      if (!look.databaseExists) await this.leaveNoDatabase()
      throw error
    }
  }

  /** Takes away what an attempt left that was killed when everything was in its place. */
  async tidyUp(): Promise<void> {
    const { ledger } = this
    if ((await lockOwner(ledger))?.runId !== this.runId) return
    await this.locked(async () => {
      for (const name of await databasesNamed(ledger, scratchPrefix(ledger.database, 'before')))
        await forgetPlacing(ledger.in(name))
    })
  }

  private async locked<T>(act: (lock: TargetLock) => Promise<T>): Promise<T> {
    const { ledger, options, runId } = this
    const owner = ledger.kind === 'server' ? await lockOwner(ledger) : null
    if (owner?.runId === runId && !options.breakLock) refuseLiving(ledger, runId, owner)
    const patience = { emit() {}, signal: options.signal }
    const lock = await TargetLock.acquire(ledger, runId, options, patience)
    return await lock.during(patience, () => act(lock))
  }

  private async restoreBeside(look: Look, tool: BackupTool, load: Load): Promise<Placing> {
    const { ledger, beside, counts, options } = this
    // What an attempt left that was cut short before its rows were proven.
    await endStatements(ledger, beside.database)
    await dropDatabase(ledger, beside.database)
    try {
      await load(async (from) => {
        const wrong = await loadBeside(ledger, tool, from, counts, beside.database, options.signal)
        if (wrong.length > 0) throw this.unlike(wrong)
      })
      const placing = await this.prove(look)
      options.signal.throwIfAborted()
      await notePlacing(beside, placing)
      return placing
    } catch (error) {
      await dropDatabase(ledger, beside.database).catch(() => {})
      throw error
    }
  }

  /** Rollup against raw rows, and the view by a row of its own; then how all of it takes its place. */
  private async prove(look: Look): Promise<Placing> {
    const { ledger, beside, counts, manifest } = this
    const drifting = await driftingGroups(beside)
    if (drifting !== counts.drifting)
      throw this.unlike([`usage_daily differs from usage in ${drifting} groups, in place of ${counts.drifting}`])
    const restored = await tablesIn(beside)
    const view = restored.find(({ name }) => name === 'usage_daily_mv')
    if (counts.view && view === undefined) throw this.unlike(['the view usage_daily_mv is missing'])
    if (view !== undefined) await proveView(beside, view.create, scratchName(ledger.database, 'probe', manifest.id))
    const viewSql = view?.create.replaceAll(beside.database, ledger.database) ?? null
    const before = scratchName(ledger.database, 'before', newBackupId(Date.now()))
    return placingOf(look.there, restored, look.displaced, viewSql, before)
  }

  private async place(placing: Placing): Promise<string | null> {
    try {
      return await place(this.ledger, this.beside, placing)
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error
      const { code, message, place: where, retryable } = error
      throw new LedgerError(code, `the restored ledger is proven, and not yet in its place: ${message}`, {
        ...(where === undefined ? {} : { place: where }),
        hint: 'run the same command again: it goes on where this one stopped',
        retryable,
        cause: error,
      })
    }
  }

  private async leaveNoDatabase(): Promise<void> {
    const { ledger } = this
    const left = await tablesIn(ledger).catch(() => null)
    if (left?.length === 0) await dropDatabase(ledger, ledger.database).catch(() => {})
  }

  private unlike(wrong: readonly string[]): LedgerError {
    return new LedgerError('verification_failed', `what was restored is not what was backed up: ${wrong.join('; ')}`, {
      place: `backup ${this.manifest.id}`,
      hint: 'the ledger is as it was; obleth-ledger backups verify tells which backups are sound',
    })
  }
}

type Load = (use: (from: Stored) => Promise<void>) => Promise<void>

function refuseRows({ replaces, target, tables }: ClickhouseRestorePlan, allowed: boolean): void {
  if (!replaces || allowed) return
  const held = tables.filter(({ now }) => (now ?? 0) > 0).map(({ table, now }) => `${table} ${now}`)
  throw new LedgerError('refused', `the target holds rows: ${held.join(', ') || 'of runs'}`, {
    place: `${target.location}, database ${target.database}`,
    hint: 'look at the plan with --dry-run; --replace puts what is there aside, into a database of its own, and nothing is dropped',
  })
}

/** What came into a ledger after the loss, or was never lost; null where there are no such rows. */
async function rowsKept(ledger: Ledger, aside: string): Promise<Parameters<typeof nextSteps>[2]> {
  const old = ledger.in(aside)
  if (!(await tablesIn(old)).some(({ name }) => name === 'usage')) return null
  if ((await newestMs(old)) === null) return null
  const columns = await ledger.rows<{ name: string }>(
    `SELECT name FROM system.columns WHERE database = {old:String} AND table = 'usage' AND default_kind IN ('', 'DEFAULT')
       AND name IN (SELECT name FROM system.columns WHERE database = {now:String} AND table = 'usage')
     ORDER BY position`,
    { old: aside, now: ledger.database },
  )
  return { database: aside, columns: columns.map(({ name }) => name) }
}

function rollupOf({ drifting }: LedgerCounts): ClickhouseRestoreOutcome['rollup'] {
  if (drifting === null) return 'absent'
  return drifting === 0 ? 'consistent' : 'as_in_backup'
}

function newestOf({ contents }: BackupManifest): number | null {
  const { newest } = contents.facts
  return typeof newest === 'string' ? Date.parse(newest) : null
}
