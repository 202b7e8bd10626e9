import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ClickhouseBackupProgram } from '../../../domain/backup.js'
import { LedgerError } from '../../../domain/errors.js'
import type { Ledger } from '../../../ledger/ledger.js'
import type { BackupWriter } from '../../writer.js'
import { tablesIn } from '../tables.js'
import type { BackupTool, Loading, Saved, Saving } from '../tool.js'
import { deleteKept, findKept, type Kept, keptIn, nameOf } from './kept.js'
import type { Where } from './listed.js'
import { type Program, programOf } from './program.js'
import { viewIn } from './view.js'

export const TOOL = 'clickhouse-backup'

/**
 * Written before anything is kept elsewhere: its name tells, also of a backup that was never finished, that clickhouse-backup
 * may have one, whose name follows from the id.
 */
export const MARK_FILE = 'clickhouse-backup.json'
const VIEW_FILE = 'view.sql'

/**
 * clickhouse-backup (Altinity), which keeps backups itself: on the disk of the server, or in its remote storage. It backs up
 * the snapshot's database, so its rows are those that were counted; the view, which has no rows, lies beside the counts.
 *
 * @param work folder of this command
 */
export function clickhouseBackupTool(work: string, options: ClickhouseBackupProgram): BackupTool {
  const program = programOf(options)
  return {
    name: TOOL,
    save: (saving, writer) => save(program, options.remote, work, saving, writer),
    async find(contents, signal) {
      await findToLoad(program, keptIn(contents), signal)
    },
    load: (loading) => load(program, loading),
    // Its own backup is known by our id, and goes with what the storage has of it.
    forget: async () => {},
    check: async () => [],
  }
}

async function save(
  program: Program,
  remote: boolean,
  work: string,
  { ledger, from, database, view }: Saving,
  writer: BackupWriter,
): Promise<Saved> {
  refuseEmbedded(ledger)
  const { signal } = writer
  const name = nameOf(writer.folder)
  const version = await program.version(signal)
  await writer.add(MARK_FILE, lines({ backup: name, place: program.place }))
  if (view) {
    await writeFile(join(work, VIEW_FILE), await viewStatement(ledger.in(database)))
    await writer.addFile(VIEW_FILE, join(work, VIEW_FILE))
  }
  await program.create(name, from, signal)
  const kept: Kept = { name, where: remote ? 'remote' : 'local', database: from }
  let listed = await findKept(program, 'local', name, signal)
  if (remote) {
    await program.upload(name, signal)
    listed = await findKept(program, 'remote', name, signal)
    // So that a restore can only come from there, and the server's disk does not fill.
    await program.delete('local', name, signal)
  }
  return {
    programs: { [TOOL]: version },
    facts: { backup: name, kept: kept.where, database: from, size: listed.size, required: listed.required },
    notes: [noteOn(kept, program)],
    seen: false,
  }
}

async function load(program: Program, { ledger, from, into, signal, created }: Loading): Promise<void> {
  refuseEmbedded(ledger)
  const kept = keptIn(from.contents)
  const { name, where, database } = kept
  if ((await findToLoad(program, kept, signal)) === 'remote') await fetchRemote(program, name, signal)
  const restoring = { from: database, into }
  try {
    await program.restore(name, { ...restoring, part: 'schema' }, signal)
    await created()
    await program.restore(name, { ...restoring, part: 'data' }, signal)
  } finally {
    // What cannot be cleared away is used by the next restore.
    if (where === 'remote') await program.delete('local', name, AbortSignal.timeout(CLEAR_AWAY_MS)).catch(() => {})
  }
  const [ledgers] = from.contents.databases
  const view = await readFile(from.file(VIEW_FILE), 'utf8').catch(() => null)
  if (view !== null) await ledger.command(viewIn(view, ledgers, into))
}

const CLEAR_AWAY_MS = 60_000

/** Where it can be loaded from: a whole copy that an earlier restore has left there serves as well. */
async function findToLoad(program: Program, { name, where }: Kept, signal: AbortSignal): Promise<Where> {
  if (where === 'remote') {
    const local = (await program.list('local', signal)).find((listed) => listed.name === name)
    if (local?.broken === null) return 'local'
  }
  await findKept(program, where, name, signal)
  return where
}

/** Without what an earlier download has left that was cut. */
async function fetchRemote(program: Program, name: string, signal: AbortSignal): Promise<void> {
  if ((await program.list('local', signal)).some((listed) => listed.name === name))
    await program.delete('local', name, signal)
  await program.download(name, signal)
  await findKept(program, 'local', name, signal)
}

/** Deletes what clickhouse-backup keeps of a backup, whole or not, wherever it does. Harmless where there is nothing. */
export function discard(folder: string, options: ClickhouseBackupProgram, signal: AbortSignal): Promise<void> {
  return deleteKept(programOf(options), nameOf(folder), signal)
}

async function viewStatement(ledger: Ledger): Promise<string> {
  const view = (await tablesIn(ledger)).find(({ name }) => name === 'usage_daily_mv')
  return view?.create ?? ''
}

function noteOn({ name, where, database }: Kept, { place }: Program): string {
  const at = where === 'local' ? "on the disk of ClickHouse's own host, and lost with it" : 'in its remote storage'
  return (
    `its rows are kept by clickhouse-backup (${place}) as ${name}, ${at}: they were proven by a restore, and are not encrypted ` +
    `by this tool. By hand: clickhouse-backup restore -m ${database}:<database> ${name}`
  )
}

function refuseEmbedded({ kind, location }: Ledger): void {
  if (kind === 'server') return
  throw new LedgerError('usage', 'clickhouse-backup backs up and restores servers alone', {
    place: location,
    hint: 'name the server with --clickhouse-url; an embedded ledger is backed up with --tool native',
  })
}

async function* lines(document: object): AsyncIterable<Uint8Array> {
  yield Buffer.from(`${JSON.stringify(document)}\n`)
}
