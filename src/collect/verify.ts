import { text } from 'node:stream/consumers'
import pLimit from 'p-limit'
import type { BundledFile, VerifyOutcome } from '../domain/collect.js'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import { sha256Of } from '../domain/sha256.js'
import { checkpointText } from './checkpoint-file.js'
import { readManifest } from './manifest.js'
import { JOURNAL, LOCK, MANIFEST } from './names.js'
import { openStore, type StoreOptions } from './open-store.js'
import type { BundleStore, Kept } from './store.js'

/**
 * Proves a bundle against its manifest: every file there, with its bytes and its checkpoint, and none besides. Throws
 * `source_not_found` where there is no bundle, `refused` where it is half made.
 */
export async function verify(to: string, options: StoreOptions, signal: AbortSignal): Promise<VerifyOutcome> {
  const store = openStore(to, options, signal)
  const kept = await store.list()
  if (kept.has(JOURNAL))
    throw new LedgerError('refused', 'the bundle is half made: a collect into it has not come to its end', {
      place: printable(store.place),
      hint: 'run that collect again: it goes on where it stopped; if its pods are gone, name the folders of the bundle one by one',
    })
  const manifest = await readManifest(store, kept.get(MANIFEST))
  if (manifest === null)
    throw new LedgerError('source_not_found', 'there is no bundle', {
      place: printable(store.place),
      hint: 'name what was given to collect --to',
    })
  const stored = manifest.files.filter(({ state }) => state !== 'vanished')
  const limit = pLimit(options.concurrency)
  const reasons = await Promise.all(stored.map((file) => limit(() => difference(store, kept, file, signal))))
  const differences = stored.flatMap(({ path }, i) => (reasons[i] === null ? [] : [{ path, reason: reasons[i] }]))
  const expected = new Set([MANIFEST, LOCK, ...stored.flatMap(namesOf)])
  for (const path of [...kept.keys()].sort())
    if (!expected.has(path)) differences.push({ path, reason: 'the manifest does not know it' })
  const inPart = stored
    .filter(({ state }) => state === 'incomplete')
    .map(({ path, reason }) => ({ path, reason: `collected in part: ${reason ?? 'not read to its end'}` }))
  const unread = manifest.unread.map(({ path, reason }) => ({ path, reason: `not collected: ${reason}` }))
  const incomplete = [...inPart, ...unread]
  const bytes = stored.reduce((sum, file) => sum + file.bytes, 0)
  return { bundle: store.place, files: stored.length, bytes, differences, incomplete }
}

function namesOf({ path, checkpoint }: BundledFile): string[] {
  return checkpointText(checkpoint) === null ? [path] : [path, `${path}.offset`]
}

async function difference(
  store: BundleStore,
  kept: ReadonlyMap<string, Kept>,
  { path, bytes, sha256, checkpoint }: BundledFile,
  signal: AbortSignal,
): Promise<string | null> {
  signal.throwIfAborted()
  const there = kept.get(path)
  if (there === undefined) return 'it is missing'
  if (there.bytes !== bytes) return `it has ${there.bytes} bytes where the manifest says ${bytes}`
  try {
    if ((await sha256Of(store.read(path, there))) !== sha256) return 'its SHA-256 is not that of the manifest'
    const wanted = checkpointText(checkpoint)
    if (wanted === null) return null
    const sidecar = kept.get(`${path}.offset`)
    const same = sidecar?.bytes === wanted.length && (await text(store.read(`${path}.offset`, sidecar))) === wanted
    return same ? null : 'its checkpoint is not that of the manifest'
  } catch (error) {
    if (error instanceof LedgerError || (error as Error).name === 'AbortError') throw error
    return `it cannot be read: ${(error as Error).message}`
  }
}
