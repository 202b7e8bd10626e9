import { rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { ClickhouseBackupOptions } from '../../domain/backup.js'
import { LedgerError } from '../../domain/errors.js'
import { identifier, literal } from '../../ledger/identifiers.js'
import type { Ledger } from '../../ledger/ledger.js'
import type { BackupWriter } from '../writer.js'
import { eachFile, packed, unpack } from './archive.js'
import { assertWhole } from './engine-files.js'
import { inBucket, s3Of, saveInBucket } from './in-bucket.js'
import { carryOut } from './statement.js'
import type { BackupTool, Loading, Saved, Saving, Stored } from './tool.js'

const ARCHIVE = 'ledger.tar'

/**
 * ClickHouse's own BACKUP and RESTORE. Into a folder that this machine sees, from where the files go into the backup; or
 * onto a disk of the server, where they stay, and the backup only says which; or straight into the bucket of the backup.
 *
 * @param work folder of this command that an embedded engine may use
 */
export function nativeTool(
  work: string,
  { folder, disk, collection }: Pick<ClickhouseBackupOptions, 'folder' | 'disk' | 'collection'>,
): BackupTool {
  return {
    name: 'native',

    async save(saving, writer) {
      if (saving.ledger.kind === 'embedded') return saveFiles(saving, work, writer)
      if (collection !== undefined) return saveInBucket(saving, statementOf(saving), collection, writer)
      if (disk !== undefined) return saveOnDisk(saving, disk, writer)
      if (folder !== undefined) return saveFiles(saving, resolve(folder), writer)
      throw noPlace(saving.ledger)
    },

    async load(loading) {
      const { disk, path } = onDisk(loading.from)
      if (disk !== null) return restore(loading, `Disk(${literal(disk)}, ${literal(path)})`)
      const embedded = loading.ledger.kind === 'embedded'
      const bucket = inBucket(loading.from.contents)
      if (bucket !== null && embedded) throw serverAlone(loading.ledger)
      // Another server may call its own collection otherwise.
      if (bucket !== null) return restore(loading, s3Of({ ...bucket, collection: collection ?? bucket.collection }))
      const parent = embedded ? work : folder
      if (parent === undefined) throw noPlace(loading.ledger)
      await inFolder(join(resolve(parent), loading.into), async (own) => {
        await unpack(loading.from.file(ARCHIVE), own, embedded ? 'alone' : 'shared', loading.signal)
        await restore(loading, `File(${literal(own)})`)
      })
    },

    async forget(from) {
      if (folder !== undefined) await rm(join(resolve(folder), from), { recursive: true, force: true })
    },

    async check(stored, signal) {
      if (onDisk(stored).disk !== null || inBucket(stored.contents) !== null) return []
      try {
        await eachFile(stored.file(ARCHIVE), signal, async (_, content) => {
          for await (const _ of content);
        })
        return []
      } catch (error) {
        if (error instanceof LedgerError && error.code === 'verification_failed') return [error.message]
        throw error
      }
    },
  }
}

async function saveFiles(saving: Saving, parent: string, writer: BackupWriter): Promise<Saved> {
  return inFolder(join(parent, saving.from), async (own) => {
    await carryOut(saving.ledger, saving.from, `${statementOf(saving)} TO File(${literal(own)})`, writer.signal)
    await writer.add(ARCHIVE, packed(own, await assertWhole(own)))
    return { programs: {}, facts: { disk: null }, notes: [], seen: true }
  })
}

async function saveOnDisk(saving: Saving, disk: string, writer: BackupWriter): Promise<Saved> {
  const path = `obleth-ledger/${writer.folder}`
  await carryOut(
    saving.ledger,
    saving.from,
    `${statementOf(saving)} TO Disk(${literal(disk)}, ${literal(path)})`,
    writer.signal,
  )
  return {
    programs: {},
    facts: { disk, path },
    notes: [
      `its rows stay on the server, on disk ${disk} under ${path}: they were proven by a restore, not by hashes; ` +
        'neither encryption nor backups prune reaches them there',
    ],
    seen: false,
  }
}

/** The view has no rows, so it needs no snapshot. */
function statementOf({ from, database, tables, view }: Saving): string {
  const name = (of: string, table: string) => `${identifier(of)}.${identifier(table)}`
  const all = tables.map((table) => `TABLE ${name(from, table)} AS ${name(database, table)}`)
  return `BACKUP ${[...all, ...(view ? [`TABLE ${name(database, 'usage_daily_mv')}`] : [])].join(', ')}`
}

async function restore({ ledger, from, into, signal, created }: Loading, place: string): Promise<void> {
  const [database] = from.contents.databases
  const statement = `RESTORE DATABASE ${identifier(database)} AS ${identifier(into)} FROM ${place}`
  await carryOut(ledger, into, statement, signal, ['structure_only = true'])
  await created()
  await carryOut(ledger, into, statement, signal)
}

function onDisk({ contents }: Stored): { disk: string | null; path: string } {
  const { disk, path } = contents.facts
  return { disk: typeof disk === 'string' ? disk : null, path: String(path ?? '') }
}

/** Lends a folder, without what an attempt left there that was killed, and takes it away with all that is in it. */
async function inFolder<T>(own: string, use: (own: string) => Promise<T>): Promise<T> {
  const clear = () => rm(own, { recursive: true, force: true })
  await clear()
  try {
    return await use(own)
  } finally {
    await clear()
  }
}

function serverAlone(ledger: Ledger): LedgerError {
  return new LedgerError('usage', 'a server wrote this backup into the bucket, and servers alone can restore it', {
    place: ledger.location,
    hint: 'name a server with --clickhouse-url, and its collection for that bucket with --clickhouse-s3-collection',
  })
}

function noPlace(ledger: Ledger): LedgerError {
  return new LedgerError('usage', 'where shall the server put its backup, or find it?', {
    place: ledger.location,
    hint: 'name a disk of the server with --clickhouse-backup-disk, a folder that both sides see with --clickhouse-backup-folder, or a named collection of the server for the bucket with --clickhouse-s3-collection; see docs/clickhouse-backups.md',
  })
}
