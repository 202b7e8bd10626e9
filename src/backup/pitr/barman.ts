import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import { LedgerError } from '../../domain/errors.js'
import type { ArchivedCluster, BaseBackup } from '../../domain/pitr.js'
import { lastWords, type ProgramOptions, type Ran, run, stream } from '../program.js'
import type { Archive } from './archive.js'
import { isSegmentName } from './wal.js'

const SERVER = z.object({ server_txt_version: z.string().nullish() })

const LISTED = z.array(z.object({ backup_id: z.string(), status: z.string() }))

const SHOWN = z.object({
  backup_id: z.string(),
  postgresql_version: z.number(),
  base_backup_information: z.object({
    begin_wal: z.string(),
    end_lsn: z.string(),
    timeline: z.number(),
    disk_usage_bytes: z.number(),
    end_time: z.string(),
  }),
  wal_information: z.object({ last_available: z.string().nullish() }),
})

const CHECKED = z.record(z.string(), z.object({ status: z.string(), hint: z.string().nullish() }))

/** What an archive of Barman 3 has. Barman itself becomes `barman_user` where root runs it. */
export function barmanArchive(cluster: ArchivedCluster, { signal }: ProgramOptions): Archive {
  const { name, toolConfig, timeoutMs } = cluster
  const configured = toolConfig === undefined ? [] : ['-c', toolConfig]
  const settings = { signal, deadlineMs: timeoutMs }

  /** Asks for JSON, which stands under the server's name. */
  async function ask<T>(schema: z.ZodType<T>, command: string, ...args: string[]): Promise<T> {
    const ran = await run('barman', [...configured, '-f', 'json', command, name, ...args], settings)
    if (/Unknown server/i.test(ran.stdout + ran.stderr)) throw unknown(name)
    // A failed check is an answer too.
    if (ran.exitCode !== 0 && command !== 'check') throw refusal(ran, name)
    return parse(schema, ran, name)
  }

  const show = (id: string): Promise<z.infer<typeof SHOWN>> => ask(SHOWN, 'show-backup', id)

  async function fetchFile(wal: string, file: string): Promise<boolean> {
    const running = stream('barman', [...configured, 'get-wal', name, wal], settings)
    await pipeline(running.stdout, createWriteStream(file, { mode: 0o644 }))
    const ran = await running.ended()
    if (ran.exitCode !== 0) await rm(file, { force: true })
    return ran.exitCode === 0
  }

  return {
    async look() {
      const done = (await ask(LISTED, 'list-backups')).filter(({ status }) => status === 'DONE')
      const shown = await inTurn(done.map(({ backup_id }) => backup_id).sort(), show)
      const newest = shown.at(-1)
      const segment = newest?.wal_information.last_available ?? null
      const version = newest === undefined ? (await ask(SERVER, 'show-servers')).server_txt_version : undefined
      return {
        backups: shown.map(backupOf).sort((a, b) => a.stoppedAt.localeCompare(b.stoppedAt)),
        newestWal: segment !== null && isSegmentName(segment) ? segment : null,
        postgres:
          newest === undefined ? majorOf(version ?? '') : String(Math.floor(newest.postgresql_version / 10_000)),
        fetchFile,
      }
    },

    async check() {
      const found = Object.entries(await ask(CHECKED, 'check')).filter(([, { status }]) => status !== 'OK')
      const words = found.map(([what, { hint }]) => `${what.replaceAll('_', ' ')}${hint ? ` (${hint})` : ''}`)
      return words.length === 0 ? null : words.join('; ')
    },
  }
}

async function inTurn<T, U>(items: readonly T[], each: (item: T) => Promise<U>): Promise<U[]> {
  const results: U[] = []
  for (const item of items) results.push(await each(item))
  return results
}

const majorOf = (version: string) => version.split('.')[0] ?? ''

function backupOf({ backup_id, base_backup_information: base }: z.infer<typeof SHOWN>): BaseBackup {
  return {
    label: backup_id,
    type: 'full',
    // Its fraction counts: what Barman refuses is a moment before it.
    stoppedAt: new Date(Date.parse(base.end_time)).toISOString(),
    bytes: base.disk_usage_bytes,
    firstWal: base.begin_wal,
    timeline: base.timeline,
    stopLsn: base.end_lsn,
    damaged: false,
  }
}

function parse<T>(schema: z.ZodType<T>, ran: Ran, name: string): T {
  try {
    const document: unknown = JSON.parse(ran.stdout)
    return schema.parse((document as Record<string, unknown>)[name])
  } catch (error) {
    throw new LedgerError('source_failed', `barman says what obleth-ledger cannot read: ${lastWords(ran)}`, {
      place: name,
      hint: 'Barman 3.4 or newer is needed: see barman --version',
      cause: error,
    })
  }
}

const unknown = (name: string) =>
  new LedgerError('source_not_found', 'Barman has no server of this name', {
    place: name,
    hint: 'name it with --cluster and its configuration with --tool-config; barman list-servers shows what there is',
  })

function refusal(ran: Ran, name: string): LedgerError {
  const said = lastWords(ran, 4)
  const denied = /Permission denied|EACCES|must run as/i.test(said)
  return new LedgerError(denied ? 'access_denied' : 'source_failed', `Barman cannot tell what it has: ${said}`, {
    place: name,
    hint: denied
      ? 'run the command as root or as the user barman'
      : `barman check ${name} says more; obleth-ledger pitr render --tool barman shows a configuration that works`,
  })
}
