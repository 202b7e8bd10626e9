import { text } from 'node:stream/consumers'
import { z } from 'zod'
import type { BundledFile, BundleManifest } from '../domain/collect.js'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import { staysInside } from '../domain/relative-path.js'
import { MANIFEST } from './names.js'
import type { BundleStore, Kept } from './store.js'

const FORMAT = 1
/** A million files and more. */
const MOST_BYTES = 2 ** 29 - 2 ** 20

const checkpoint = z.discriminatedUnion('state', [
  z.object({ state: z.literal('none') }),
  z.object({ state: z.literal('at'), offset: z.number() }),
  z.object({ state: z.literal('unusable'), reason: z.string() }),
])

/** Also the shape of a line of the journal. */
export const bundledFile = z.object({
  pod: z.string(),
  path: z.string().refine(staysInside),
  kind: z.enum(['legacy', 'segment', 'corrupt']),
  bytes: z.number(),
  modifiedMs: z.number(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  checkpoint,
  state: z.enum(['whole', 'growing', 'vanished', 'incomplete']),
  reason: z.string().nullable(),
  origin: z.string(),
  version: z.string(),
}) satisfies z.ZodType<BundledFile>

const manifest = z.object({
  format: z.literal(FORMAT),
  tool: z.string(),
  collectedAt: z.string(),
  files: z.array(bundledFile),
  unread: z.array(z.object({ sources: z.array(z.string()), path: z.string(), reason: z.string() })).default([]),
})

/** What a bundle's manifest says; null where there is none. Throws `state_damaged` where it cannot be read. */
export async function readManifest(store: BundleStore, kept: Kept | undefined): Promise<BundleManifest | null> {
  if (kept === undefined) return null
  try {
    if (kept.bytes > MOST_BYTES) throw new Error(`it has ${kept.bytes} bytes`)
    return manifest.parse(JSON.parse(await text(store.read(MANIFEST, kept))))
  } catch (cause) {
    if (cause instanceof LedgerError || (cause as Error).name === 'AbortError') throw cause
    throw new LedgerError('state_damaged', 'the manifest of the bundle cannot be read', {
      place: printable(`${store.place}/${MANIFEST}`),
      hint: 'its folders of pods can still be replayed, each named by itself; move it aside to collect there again',
      cause,
    })
  }
}

/** Puts the manifest in the place of the one that was read. Throws `refused` where there is another one by now. */
export async function writeManifest(
  store: BundleStore,
  before: Kept | null,
  tool: string,
  { files, unread }: BundleManifest,
): Promise<void> {
  const document = { format: FORMAT, tool, collectedAt: new Date().toISOString(), files, unread }
  await store.write(MANIFEST, `${JSON.stringify(document, null, 1)}\n`, before)
}
