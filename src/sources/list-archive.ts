import type { Locator } from '../domain/wal.js'
import { Allowance } from './allowance.js'
import { archiveAt, listTar } from './list-tar.js'
import { parent } from './names.js'
import { openStored } from './places.js'
import { readArchive } from './read-archive.js'
import type { FoundFile, Held } from './source.js'
import { unpack } from './unpack.js'

/** Finds the WAL files in a stored archive, and in archives within it. */
export async function listArchive(
  { path, locator, version }: FoundFile,
  root: string,
  signal: AbortSignal | undefined,
): Promise<Held[]> {
  const allowance = new Allowance(signal)
  const bytes = stored(locator, allowance)
  const held = await listTar({ root, at: archiveAt(path, parent(path)), locator, version, allowance }, bytes)
  return measured(held, locator, signal)
}

/** Compressed members with a checkpoint are read through once for their length: it decides what the checkpoint means. */
async function measured(held: Held[], locator: Locator, signal: AbortSignal | undefined): Promise<Held[]> {
  const unknown = held.flatMap(({ listing }) =>
    listing.files.filter(({ bytes, checkpoint }) => bytes === null && checkpoint !== undefined),
  )
  if (unknown.length === 0) return held
  const lengths = new Map<FoundFile, number>()
  const allowance = new Allowance(signal)
  for await (const { file, content } of readArchive(stored(locator, allowance), unknown, allowance)) {
    let bytes = 0
    for await (const chunk of content.chunks) bytes += chunk.length
    if (content.problem() === null) lengths.set(file, bytes)
  }
  return held.map(({ listing, holder }) => ({
    holder,
    listing: { ...listing, files: listing.files.map((file) => ({ ...file, bytes: lengths.get(file) ?? file.bytes })) },
  }))
}

function stored({ stored, compression }: Locator, allowance: Allowance): AsyncIterable<Uint8Array> {
  return unpack(allowance.counted(openStored(stored, 0)), compression, allowance)
}
