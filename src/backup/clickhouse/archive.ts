import { createReadStream } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { extract, pack } from 'tar-stream'
import { LedgerError } from '../../domain/errors.js'
import { printable } from '../../domain/printable.js'
import { writeError } from '../../domain/write-error.js'
import { type EngineFiles, EngineList, LIST_FILE } from './engine-files.js'

/**
 * The files of a native backup as one tar, its list first. One object in place of thousands: in a bucket, and for the
 * encryption. Not the engine's own `.tar`, in which RESTORE looks for each file from the beginning (26.7: 500,000 rows in
 * 460 files took seven times as long as from a folder).
 */
export async function* packed(folder: string, files: EngineFiles): AsyncIterable<Uint8Array> {
  const archive = pack()
  const filling = fill(archive, folder, files).catch((error) => archive.destroy(error))
  yield* archive as AsyncIterable<Uint8Array>
  await filling
}

async function fill(archive: ReturnType<typeof pack>, folder: string, files: EngineFiles): Promise<void> {
  const list = await open(join(folder, LIST_FILE))
  const { size } = await list.stat().finally(() => list.close())
  for (const [name, bytes] of [[LIST_FILE, size] as const, ...files]) {
    const entry = archive.entry({ name, size: bytes, mode: 0o600, mtime: new Date(0) })
    await pipeline(createReadStream(join(folder, name), { highWaterMark: 1 << 20 }), entry)
  }
  archive.finalize()
}

/** Modes of what is unpacked: for this user alone, or for a server that runs as another one. */
const MODES = { alone: { folder: 0o700, file: 0o600 }, shared: { folder: 0o755, file: 0o644 } } as const

/** Takes the files out again, none beside those of the list. Throws what {@link eachFile} throws, and `disk_full`. */
export async function unpack(
  file: string,
  folder: string,
  who: keyof typeof MODES,
  signal: AbortSignal,
): Promise<void> {
  const modes = MODES[who]
  await eachFile(file, signal, async (name, content) => {
    const to = join(folder, name)
    try {
      await mkdir(dirname(to), { recursive: true, mode: modes.folder })
      const handle = await open(to, 'wx', modes.file)
      await pipeline(content, handle.createWriteStream())
    } catch (error) {
      const hint = 'free some space, or name another disk with TMPDIR; nothing was restored'
      throw (error as NodeJS.ErrnoException).syscall === undefined ? error : writeError('the spool', to, error, hint)
    }
  })
}

/**
 * Reads an archive to its end: the list, then every file of it, once and in its size, and nothing else.
 *
 * @throws LedgerError `verification_failed` where it is another one
 */
export async function eachFile(file: string, signal: AbortSignal, use: UseFile): Promise<void> {
  try {
    await readEntries(file, signal, use)
  } catch (error) {
    // What the library says of an archive that is cut or no archive has no code of the system.
    const foreign = error instanceof Error && !(error instanceof LedgerError) && !('code' in error) && !signal.aborted
    throw foreign ? damaged(error.message) : error
  }
}

type UseFile = (name: string, content: AsyncIterable<Uint8Array>) => Promise<void>

async function readEntries(file: string, signal: AbortSignal, use: UseFile): Promise<void> {
  const archive = extract()
  const reading = pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), archive, { signal })
  // Seen by whoever waits for it; without this it would end the process where the reader below throws first.
  reading.catch(() => {})
  let left: Map<string, number> | null = null
  for await (const entry of archive) {
    const { name, size = 0, type } = entry.header
    const content = entry as AsyncIterable<Uint8Array>
    if (left === null) {
      if (name !== LIST_FILE || type !== 'file') throw damaged('it does not begin with the list of its files')
      const list = new EngineList()
      await use(name, list.through(content))
      left = new Map(list.files())
      continue
    }
    if (type !== 'file' || left.get(name) !== size) throw damaged(`its list has no such file: ${printable(name)}`)
    left.delete(name)
    await use(name, content)
  }
  await reading
  const [missing] = left?.keys() ?? ['everything']
  if (missing !== undefined) throw damaged(`a file is missing: ${printable(missing)}`)
}

function damaged(what: string): LedgerError {
  return new LedgerError('verification_failed', `the archive of the native backup is damaged: ${what}`, {
    hint: 'obleth-ledger backups verify tells which backups are sound; nothing was restored',
  })
}
