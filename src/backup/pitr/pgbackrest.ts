import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { type ErrorCode, LedgerError } from '../../domain/errors.js'
import type { ArchivedCluster, BaseBackup } from '../../domain/pitr.js'
import { lastWords, type ProgramOptions, type Ran, run } from '../program.js'
import type { Archive } from './archive.js'
import { fetchArchived } from './pgbackrest-archive.js'
import { timelineOf } from './timelines.js'
import { isSegmentName } from './wal.js'

const DATABASE = z.object({ id: z.number(), 'repo-key': z.number() })

const BACKUP = z.object({
  label: z.string(),
  type: z.string(),
  error: z.boolean().nullish(),
  archive: z.object({ start: z.string().nullable(), stop: z.string().nullable() }),
  lsn: z.object({ stop: z.string() }).nullish(),
  database: DATABASE,
  info: z.object({ size: z.number() }),
  timestamp: z.object({ stop: z.number() }),
  tablespace: z.array(z.unknown()).nullish(),
})

/** What `info --output=json` prints: pgBackRest 2.45. */
const INFO = z
  .array(
    z.object({
      status: z.object({ code: z.number(), message: z.string() }),
      repo: z.array(z.object({ status: z.object({ message: z.string() }) })),
      db: z.array(z.object({ id: z.number(), version: z.string() })),
      archive: z.array(z.object({ id: z.string(), max: z.string().nullable(), database: DATABASE })),
      backup: z.array(BACKUP),
    }),
  )
  .length(1)

type Info = z.infer<typeof INFO>[0]

/** Status of a stanza in `info`. */
const OK = 0
const NO_STANZA = [1, 3]
const NO_BACKUP = 2

const NEXT = 'pgbackrest --stanza=… check says more; obleth-ledger pitr render shows a configuration that works'

/** Arguments that name the stanza and its configuration; a `conf.d` beside the configuration holds its secrets. */
export function stanzaArguments({ name, toolConfig }: Pick<ArchivedCluster, 'name' | 'toolConfig'>): string[] {
  if (toolConfig === undefined) return [`--stanza=${name}`]
  const included = secretsFolder(toolConfig)
  return [
    `--config=${toolConfig}`,
    ...(existsSync(included) ? [`--config-include-path=${included}`] : []),
    `--stanza=${name}`,
  ]
}

/** Where pgBackRest finds secrets beside a configuration that is named: it reads its usual `conf.d` only without one. */
export const secretsFolder = (toolConfig: string): string => join(dirname(toolConfig), 'conf.d')

/** What an archive of pgBackRest has; `options` say as whom it is run. */
export function pgbackrestArchive(cluster: ArchivedCluster, options: ProgramOptions): Archive {
  const settings = { ...options, deadlineMs: cluster.timeoutMs }
  return {
    async look() {
      const found = await info(cluster, [], settings)
      const archive = newestArchive(found)
      return {
        backups: backupsOf(found),
        newestWal: archive?.max ?? null,
        postgres: found.db.at(-1)?.version ?? '',
        async fetchFile(name, file) {
          if (archive === undefined) return false
          const folder = { repository: archive.database['repo-key'], path: `archive/${cluster.name}/${archive.id}` }
          return fetchArchived(stanzaArguments(cluster), folder, name, file, settings)
        },
      }
    },

    async check() {
      // It waits for the segment that it made the server close: less long than for which it may run at all.
      const waitS = Math.max(1, Math.floor(cluster.timeoutMs / 2000))
      const args = [...stanzaArguments(cluster), `--archive-timeout=${waitS}`, '--log-level-console=warn', 'check']
      const ran = await run('pgbackrest', args, settings)
      return ran.exitCode === 0 ? null : lastWords(ran, 6)
    },
  }
}

/** Whether a backup has tablespaces, which `info` tells only of one that is named. */
export async function hasTablespaces(
  cluster: ArchivedCluster,
  label: string,
  options: ProgramOptions,
): Promise<boolean> {
  const { backup } = await info(cluster, [`--set=${label}`], { ...options, deadlineMs: cluster.timeoutMs })
  return backup.some(({ tablespace }) => (tablespace ?? []).length > 0)
}

/** Asks for the stanza; the first to find that the store behind it is dead, hence with a deadline. */
async function info(cluster: ArchivedCluster, args: readonly string[], options: ProgramOptions): Promise<Info> {
  const ran = await run('pgbackrest', [...stanzaArguments(cluster), 'info', '--output=json', ...args], options)
  if (ran.exitCode !== 0) throw refusal(ran, 'cannot tell what it has', cluster)
  // It ends with 0 whatever it found, and its message then is the undecrypted file.
  if (/key\/value found outside of section|unable to flush|CipherError|CryptoError/.test(ran.stdout))
    throw new LedgerError('access_denied', "the passphrase of pgBackRest's repository is missing or a wrong one", {
      place: cluster.name,
      hint: 'set PGBACKREST_REPO1_CIPHER_PASS, or repo1-cipher-pass in a file of conf.d (mode 0600)',
    })
  const [stanza] = parse(ran)
  const { code } = stanza.status
  if (NO_STANZA.includes(code))
    throw new LedgerError('source_not_found', `pgBackRest has no stanza of this name`, {
      place: cluster.name,
      hint: `name it with --cluster and its configuration with --tool-config; pgbackrest --stanza=${cluster.name} stanza-create makes it`,
    })
  if (code !== OK && code !== NO_BACKUP) {
    const said = stanza.repo.map(({ status }) => status.message).join('\n')
    throw refusal({ exitCode: 0, stdout: '', stderr: said }, 'cannot read its repository', cluster)
  }
  return stanza
}

function parse({ stdout }: Ran): [Info] {
  try {
    return INFO.parse(JSON.parse(stdout)) as [Info]
  } catch (error) {
    throw new LedgerError('source_failed', 'pgbackrest info says what this version of obleth-ledger cannot read', {
      place: 'pgbackrest',
      hint: 'pgBackRest 2.45 or newer is needed: see pgbackrest version',
      cause: error,
    })
  }
}

/** The archive with the newest segment, among the repositories that have one of the cluster as it is now. */
function newestArchive({ db, archive }: Info): Info['archive'][0] | undefined {
  return archive
    .filter(({ database, max }) => database.id === db.at(-1)?.id && max !== null && isSegmentName(max))
    .sort((a, b) => (a.max ?? '').localeCompare(b.max ?? ''))
    .at(-1)
}

function backupsOf({ db, backup }: Info): BaseBackup[] {
  const current = backup.filter(({ database }) => database.id === db.at(-1)?.id)
  return current.flatMap(backupOf).sort((a, b) => a.stoppedAt.localeCompare(b.stoppedAt))
}

/** None for a backup that was taken of a stopped server without its WAL: no recovery begins with it. */
function backupOf({ label, type, error, archive, lsn, info, timestamp }: z.infer<typeof BACKUP>): BaseBackup[] {
  if (archive.start === null || archive.stop === null || !lsn) return []
  const backup = {
    label,
    type,
    stoppedAt: new Date(timestamp.stop * 1000).toISOString(),
    bytes: info.size,
    firstWal: archive.start,
    timeline: timelineOf(archive.stop),
    stopLsn: lsn.stop,
    damaged: error ?? false,
  }
  return [backup]
}

/** Exit codes of pgBackRest that mean something to whoever runs it. */
const BY_EXIT_CODE: Readonly<Record<number, ErrorCode>> = { 31: 'config', 37: 'config', 50: 'target_locked' }

/** What pgBackRest refused to do, told by its exit code and its words. */
export function refusal(ran: Ran, what: string, { name }: ArchivedCluster): LedgerError {
  const said = lastWords(ran, 4)
  const place = name
  if (/No space left on device|Disk quota exceeded/.test(said))
    return new LedgerError('disk_full', `pgBackRest ${what}: ${said}`, {
      place,
      hint: 'free some space, then run the same command again; what was there before is as it was',
    })
  if (/Permission denied/.test(said))
    return new LedgerError('access_denied', `pgBackRest ${what}: ${said}`, {
      place,
      hint: "configuration and repository must be the cluster owner's: a pgbackrest that root ran leaves files that others cannot use",
    })
  const code = BY_EXIT_CODE[ran.exitCode] ?? (/missing file|requires option/.test(said) ? 'config' : 'source_failed')
  return new LedgerError(code, `pgBackRest ${what}: ${said}`, { place, hint: NEXT })
}
