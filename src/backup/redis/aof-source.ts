import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LedgerError } from '../../domain/errors.js'
import { printable } from '../../domain/printable.js'
import { type AofFile, parseAofManifest } from './aof-manifest.js'
import { type ScannedAof, scanAof } from './aof-scan.js'
import type { RedisConnection } from './client.js'
import { readInfo } from './facts.js'
import { readSmall } from './small-file.js'

/** A file of a server's AOF, held open: a rewrite may remove its name, not its bytes. */
export interface AofSource extends AofFile {
  readonly handle: FileHandle
  /** As many of its bytes as belong to the moment at which all files were opened. */
  readonly bytes: number
}

const ATTEMPTS = 20
const BETWEEN_ATTEMPTS_MS = 100

/**
 * Opens the files of a running server's AOF, all of one moment: those of a manifest that was the same before and after.
 * Nothing of the server is changed for it, so a kill at any moment leaves it as it was; a rewrite that ends meanwhile
 * takes names away, while the open files keep their bytes, and only the last of them still grows.
 *
 * That the folder is this server's own is proven by its sizes, which the server tells before and after: the same path may
 * be another folder where the server runs in a container or on another machine.
 *
 * @param folder the server's own folder of AOF files; `name`: its `appendfilename`
 * @throws LedgerError `refused` where the folder is another server's, `verification_failed` where a file is missing
 */
export async function openAof(
  connection: RedisConnection,
  folder: string,
  name: string,
  signal: AbortSignal,
): Promise<readonly AofSource[]> {
  let missing: string | null = null
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    signal.throwIfAborted()
    if (attempt > 0) await sleep(BETWEEN_ATTEMPTS_MS, undefined, { signal })
    const manifest = join(folder, `${name}.manifest`)
    const told = await toldSize(connection)
    const before = await readText(manifest)
    const opened = await openAll(folder, parseAofManifest(before, manifest))
    missing = 'missing' in opened ? opened.missing : null
    const same = (await readText(manifest)) === before
    if ('sources' in opened && same && fits(opened.sources, told, await toldSize(connection))) return opened.sources
    if ('sources' in opened) await closeAof(opened.sources)
  }
  if (missing !== null)
    throw new LedgerError('verification_failed', `the AOF names a file that is not there: ${printable(missing)}`, {
      place: printable(folder),
      hint: 'BGREWRITEAOF makes the server write a new one; a backup without --redis-data-dir takes the snapshot alone',
    })
  throw new LedgerError(
    'refused',
    "the folder is not the server's own: its AOF has another size than the server tells",
    {
      place: printable(folder),
      hint: 'give the directory that the server writes to as --redis-data-dir, as this machine sees it, or leave it out',
    },
  )
}

export async function closeAof(sources: readonly AofSource[]): Promise<void> {
  for (const { handle } of sources) await handle.close()
}

/** After a first start the server counts increments alone, else all files. */
function fits(sources: readonly AofSource[], before: number, after: number): boolean {
  const sum = (files: readonly AofSource[]) => files.reduce((bytes, file) => bytes + file.bytes, 0)
  const sizes = [sum(sources), sum(sources.filter(({ type }) => type === 'incr'))]
  return sizes.some((size) => before <= size && size <= after)
}

async function toldSize(connection: RedisConnection): Promise<number> {
  return Number((await readInfo(connection)).get('aof_current_size'))
}

async function openAll(
  folder: string,
  files: readonly AofFile[],
): Promise<{ readonly sources: readonly AofSource[] } | { readonly missing: string }> {
  const opened: { file: AofFile; handle: FileHandle }[] = []
  try {
    for (const file of files) opened.push({ file, handle: await open(join(folder, file.name), 'r') })
    const sources: AofSource[] = []
    for (const { file, handle } of opened) sources.push({ ...file, handle, bytes: (await handle.stat()).size })
    return { sources }
  } catch (error) {
    for (const { handle } of opened) await handle.close()
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { missing: files[opened.length].name }
    throw unreadable(error, folder)
  }
}

/** A command that the server is just writing is waited for so often. */
const LOOKS = 20

/** The commands of the last increment up to a whole one: a server writes several at a time, not always at once. */
export async function settle(
  source: AofSource,
  signal: AbortSignal,
): Promise<{ readonly source: AofSource; readonly scanned: ScannedAof }> {
  let scanned = await scanAof(source.handle, source.bytes)
  for (let look = 1; scanned.state === 'cut' && look < LOOKS; look++) {
    await sleep(BETWEEN_ATTEMPTS_MS, undefined, { signal })
    const { size } = await source.handle.stat()
    if (size > scanned.bytes) scanned = await scanAof(source.handle, size)
  }
  return { source: { ...source, bytes: scanned.bytes }, scanned }
}

/** The bytes of an open file, as many as belong to it. */
export async function* bytesOf({ handle, bytes }: AofSource): AsyncIterable<Uint8Array> {
  if (bytes > 0) yield* handle.createReadStream({ autoClose: false, start: 0, end: bytes - 1, highWaterMark: 1 << 20 })
}

async function readText(file: string): Promise<string> {
  try {
    return await readSmall(file)
  } catch (error) {
    throw unreadable(error, file)
  }
}

function unreadable(error: unknown, place: string): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (code === undefined) return error
  const denied = code === 'EACCES' || code === 'EPERM'
  return new LedgerError(denied ? 'access_denied' : 'source_not_found', `the AOF cannot be read (${code})`, {
    place: printable(place),
    hint: denied
      ? "run as the server's user, or leave out --redis-data-dir: then the snapshot alone is taken"
      : 'give the data directory of the server as --redis-data-dir, as this machine sees it, or leave it out',
    cause: error,
  })
}
