import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { z } from 'zod'
import type { BundledFile } from '../domain/collect.js'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import { writeError } from '../domain/write-error.js'
import { MANIFEST } from './names.js'

const FORMAT = 1

const checkpoint = z.discriminatedUnion('state', [
  z.object({ state: z.literal('none') }),
  z.object({ state: z.literal('at'), offset: z.number() }),
  z.object({ state: z.literal('unusable'), reason: z.string() }),
])

/** Also the shape of a line of the journal. */
export const bundledFile = z.object({
  pod: z.string(),
  path: z.string().refine(isInside),
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
})

/** A manifest comes from outside: none of its paths may lead out of the bundle. */
function isInside(path: string): boolean {
  return path !== '' && !path.includes('\0') && path.split('/').every((part) => !['', '.', '..'].includes(part))
}

/** The files that a bundle's manifest lists; null where there is none. Throws `state_damaged` where it cannot be read. */
export function readManifest(bundle: string): BundledFile[] | null {
  const file = join(bundle, MANIFEST)
  try {
    return manifest.parse(JSON.parse(readFileSync(file, 'utf8'))).files
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new LedgerError('state_damaged', 'the manifest of the bundle cannot be read', {
      place: printable(file),
      hint: 'its files can still be replayed as a folder; move it aside to collect into this folder again',
      cause,
    })
  }
}

/** Replaces the manifest as a whole: temporary file, fsync, rename. */
export async function writeManifest(bundle: string, tool: string, files: readonly BundledFile[]): Promise<void> {
  const file = join(bundle, MANIFEST)
  const document = { format: FORMAT, tool, collectedAt: new Date().toISOString(), files }
  try {
    await writeFileAtomic(file, `${JSON.stringify(document, null, 1)}\n`, { mode: 0o600, fsync: true })
  } catch (cause) {
    throw writeError('the manifest of the bundle', printable(file), cause, RUN_AGAIN)
  }
}

export const RUN_AGAIN = 'free some space, then run the same command again: what has been copied is not copied again'
