import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { LedgerError } from '../../domain/errors.js'
import { printable } from '../../domain/printable.js'
import { isSafePath } from '../storage/paths.js'

/** The list that the engine writes last into the folder of a backup: every file with its size. */
export const LIST_FILE = '.backup'

/** One file of it, without its pieces: longer than any. */
const LONGEST_ENTRY_BYTES = 64 << 10

/** The files that a native backup stores, by path, with their bytes: of those with equal contents the engine stores one. */
export type EngineFiles = ReadonlyMap<string, number>

/** The list of a native backup, read while it flows through. */
export class EngineList {
  private readonly found = new Map<string, number>()
  private text = ''

  /** @throws LedgerError `verification_failed` where it is no such list */
  async *through(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    const decoder = new TextDecoder()
    for await (const chunk of chunks) {
      const entries = (this.text + decoder.decode(chunk, { stream: true })).split('</file>')
      this.text = entries.pop() ?? ''
      for (const entry of entries) note(this.found, entry)
      if (this.text.length > LONGEST_ENTRY_BYTES) throw notAList()
      yield chunk
    }
  }

  /** Once all has flown through. Throws likewise where its end is missing. */
  files(): EngineFiles {
    if (!this.text.trimEnd().endsWith('</config>') || this.found.size === 0) throw notAList()
    return this.found
  }
}

/** Of `<file><name>…</name><size>…</size>…`: a file that is stored under its own name and is not empty. */
function note(files: Map<string, number>, entry: string): void {
  const value = (tag: string) => new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(entry)?.[1]
  const [name, size] = [value('name'), value('size')]
  if (name === undefined || size === undefined || !/^\d{1,15}$/.test(size)) throw notAList()
  const path = unescaped(name)
  if (!isSafePath(path)) throw notAList()
  if (value('data_file') === undefined && size !== '0') files.set(path, Number(size))
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

const unescaped = (text: string) => text.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => ENTITIES[name])

const notAList = () =>
  new LedgerError('verification_failed', 'the list of files in the native backup is damaged', { place: LIST_FILE })

/**
 * Compares the folder of a native backup with its own list: the engine says that a backup was created even where a full
 * disk left empty files (26.7).
 *
 * @throws LedgerError `disk_full` where files are shorter than they should be, or missing
 */
export function assertWhole(folder: string): Promise<EngineFiles> {
  const sizeOf = async (path: string) => (await stat(join(folder, path)).catch(() => null))?.size
  return assertListed(createReadStream(join(folder, LIST_FILE)), sizeOf, folder)
}

/** The same wherever the files lie. `sizeOf`: bytes of one, undefined where it is missing. */
export async function assertListed(
  text: AsyncIterable<Uint8Array>,
  sizeOf: (path: string) => Promise<number | undefined>,
  place: string,
): Promise<EngineFiles> {
  const list = new EngineList()
  let files: EngineFiles
  try {
    for await (const _ of list.through(text));
    files = list.files()
  } catch (cause) {
    throw notWhole(place, 'its own list of files cannot be read', cause)
  }
  for (const [path, bytes] of files) {
    const found = await sizeOf(path)
    if (found !== bytes)
      throw notWhole(place, `${printable(path)} has ${found ?? 'no'} bytes where its own list says ${bytes}`)
  }
  return files
}

function notWhole(place: string, what: string, cause?: unknown): LedgerError {
  return new LedgerError('disk_full', `the engine says that the backup was created, and it is not whole: ${what}`, {
    place: printable(place),
    hint: 'its disk was full, most likely: free some space there, or name another disk with TMPDIR; the ledger is as it was',
    cause,
  })
}
