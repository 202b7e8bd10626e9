import type {
  PostgresRestoreOptions,
  PostgresRestoreOutcome,
  PostgresRestorePlan,
} from '../../domain/postgres-restore.js'
import { withPostgres } from '../../postgres/client.js'
import { type PostgresConnection, parsePostgresUrl } from '../../postgres/connection.js'
import { assertKey } from '../encryption.js'
import { findBackup } from '../list.js'
import { lastWords, run } from '../program.js'
import { withSpooled } from '../spool.js'
import { openStorage } from '../storage/open.js'
import type { Spooled } from '../store.js'
import { type Compared, compareWith } from './compare.js'
import { GLOBALS } from './dump.js'
import { RESTORE_HINTS } from './errors.js'
import { lostGrants, pgRestore } from './pg-restore.js'
import { planRestore } from './plan.js'
import { dumpVersion, programsFor } from './programs.js'
import { createRoles, dropRoles, readRoles, withRelated } from './roles.js'
import { watchLocks } from './sessions.js'

/**
 * Restores a backup into a database: looks, asks, proves the backup, restores it in one transaction, counts what is there.
 * Whatever fails before the end leaves the target as it was.
 *
 * @throws LedgerError `source_not_found`, `refused`, `target_locked`, and what storage, keys, server and pg_restore give cause for
 */
export async function restorePostgres(options: PostgresRestoreOptions): Promise<PostgresRestoreOutcome> {
  const { backups, roles, lockTimeoutMs, signal } = options
  const target = parsePostgresUrl(backups.stores.postgresUrl)
  const storage = openStorage(backups)
  const manifest = await findBackup(storage, 'postgres', options.backup, signal)
  assertKey(manifest.encryption, backups.keys)
  const plan = await planRestore(manifest, storage.place, target, roles, lockTimeoutMs, signal)
  const nothing = { plan, restored: false, tables: [], differences: [], lost: [], tookMs: 0, restart: null }
  if (options.dryRun || !(await options.confirm(plan))) return nothing
  const started = performance.now()
  const { tables, differences, lost } = await withSpooled(storage, manifest, backups.keys, signal, (spooled) =>
    restoreSpooled(spooled, plan, target, lockTimeoutMs, signal),
  )
  const tookMs = Math.round(performance.now() - started)
  const restart = differences.length > 0 ? null : await restartPods(options.restartCommand, signal)
  return { plan, restored: true, tables, differences, lost, tookMs, restart }
}

interface Restored extends Compared {
  readonly lost: readonly string[]
}

async function restoreSpooled(
  spooled: Spooled,
  plan: PostgresRestorePlan,
  target: PostgresConnection,
  lockTimeoutMs: number,
  signal: AbortSignal,
): Promise<Restored> {
  const programs = await programsFor('restore', dumpVersion(spooled.manifest), signal)
  const owners = plan.roles.rule !== 'ignore'
  const application = `obleth-ledger restore ${plan.backup}`
  const lost = owners ? [] : await lostGrants(programs, spooled, signal)
  const request = { programs, spooled, target, application, owners, keptExtensions: plan.keptExtensions }
  await withRoles(spooled, plan, target, signal, () =>
    withLockWatch(target, application, lockTimeoutMs, signal, () => pgRestore(request, signal)),
  )
  return { ...(await compareWith(spooled.manifest, target, signal)), lost }
}

/** Makes the missing roles before a restore, and takes them back where it fails. */
async function withRoles(
  spooled: Spooled,
  { roles: { rule, missing } }: PostgresRestorePlan,
  target: PostgresConnection,
  signal: AbortSignal,
  restore: () => Promise<void>,
): Promise<void> {
  if (rule !== 'create' || missing.length === 0) return restore()
  const roles = await readRoles(spooled.file(GLOBALS))
  const created = await withPostgres(target, RESTORE_HINTS, { signal }, (client) =>
    createRoles(client, withRelated(missing, roles), roles),
  )
  try {
    await restore()
  } catch (error) {
    await withPostgres(target, RESTORE_HINTS, {}, (client) => dropRoles(client, created)).catch(() => {})
    throw error
  }
}

/** Cancels a restore that waits too long for somebody's lock, and says whose it is. */
async function withLockWatch(
  target: PostgresConnection,
  application: string,
  waitMs: number,
  signal: AbortSignal,
  restore: () => Promise<void>,
): Promise<void> {
  const done = new AbortController()
  const watch = withPostgres(
    target,
    RESTORE_HINTS,
    { signal },
    (client) => watchLocks(client, application, waitMs, done.signal),
    // A watch that breaks off leaves the restore to tell what is wrong with the server.
  ).catch(() => null)
  try {
    await restore()
  } catch (error) {
    done.abort()
    throw (await watch) ?? error
  } finally {
    done.abort()
    await watch
  }
}

async function restartPods(
  command: string | undefined,
  signal: AbortSignal,
): Promise<PostgresRestoreOutcome['restart']> {
  if (command === undefined) return null
  const ran = await run('sh', ['-c', command], { signal })
  return { command, exitCode: ran.exitCode, said: ran.exitCode === 0 ? '' : lastWords(ran) }
}
