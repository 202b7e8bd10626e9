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
  const open = () => unpack(abortable(openStored(locator.stored, 0), signal), locator.compression)
  const held = await listTar({ root, at: archiveAt(path, parent(path)), locator, version }, open())
  return measured(held, open)
}

/** Compressed members with a checkpoint are read through once for their length: it decides what the checkpoint means. */
async function measured(held: Held[], open: () => AsyncIterable<Uint8Array>): Promise<Held[]> {
  const unknown = held.flatMap(({ listing }) =>
    listing.files.filter(({ bytes, checkpoint }) => bytes === null && checkpoint !== undefined),
  )
  if (unknown.length === 0) return held
  const lengths = new Map<FoundFile, number>()
  for await (const { file, content } of readArchive(open(), unknown)) {
    let bytes = 0
    for await (const chunk of content.chunks) bytes += chunk.length
    if (content.problem() === null) lengths.set(file, bytes)
  }
  return held.map(({ listing, holder }) => ({
    holder,
    listing: { ...listing, files: listing.files.map((file) => ({ ...file, bytes: lengths.get(file) ?? file.bytes })) },
  }))
}

/** An archive may be large, and far away. */
async function* abortable(
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncIterable<Uint8Array> {
  for await (const piece of bytes) {
    signal?.throwIfAborted()
    yield piece
  }
}
