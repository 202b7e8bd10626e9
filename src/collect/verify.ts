import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import type { BundledFile, VerifyOutcome } from '../domain/collect.js'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import { checkpointText } from './checkpoint-file.js'
import { readManifest } from './manifest.js'
import { JOURNAL, LOCK, MANIFEST } from './names.js'
import { sha256Of } from './write-file.js'

/**
 * Proves a bundle against its manifest: every file there, with its bytes and its checkpoint, and none besides. Throws
 * `source_not_found` where there is no bundle, `refused` where it is half made.
 */
export async function verify(to: string, signal: AbortSignal): Promise<VerifyOutcome> {
  const bundle = resolve(to)
  const files = existsSync(bundle) ? readManifest(bundle) : null
  if (existsSync(join(bundle, JOURNAL)))
    throw new LedgerError('refused', 'the bundle is half made: a collect into it has not come to its end', {
      place: printable(bundle),
      hint: 'run that collect again: it goes on where it stopped',
    })
  if (files === null)
    throw new LedgerError('source_not_found', 'there is no bundle', {
      place: printable(bundle),
      hint: 'name the folder that was given to collect --to',
    })
  const stored = files.filter(({ state }) => state !== 'vanished')
  const differences: { path: string; reason: string }[] = []
  const expected = new Set([MANIFEST, LOCK])
  for (const file of stored) {
    signal.throwIfAborted()
    expected.add(file.path)
    if (checkpointText(file.checkpoint) !== null) expected.add(`${file.path}.offset`)
    const reason = await difference(bundle, file)
    if (reason !== null) differences.push({ path: file.path, reason })
  }
  for (const path of filesBelow(bundle))
    if (!expected.has(path)) differences.push({ path, reason: 'the manifest does not know it' })
  const incomplete = stored
    .filter(({ state }) => state === 'incomplete')
    .map(({ path, reason }) => ({ path, reason: `collected in part: ${reason ?? 'not read to its end'}` }))
  const bytes = stored.reduce((sum, { bytes }) => sum + bytes, 0)
  return { bundle, files: stored.length, bytes, differences, incomplete }
}

async function difference(bundle: string, { path, bytes, sha256, checkpoint }: BundledFile): Promise<string | null> {
  const file = join(bundle, path)
  const size = statSync(file, { throwIfNoEntry: false })?.size
  if (size === undefined) return 'it is missing'
  if (size !== bytes) return `it has ${size} bytes where the manifest says ${bytes}`
  if ((await sha256Of(file)) !== sha256) return 'its SHA-256 is not that of the manifest'
  const text = checkpointText(checkpoint)
  if (text === null) return null
  const there = existsSync(`${file}.offset`) ? readFileSync(`${file}.offset`, 'utf8') : null
  return there === text ? null : 'its checkpoint is not that of the manifest'
}

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)))
    .sort()
}
