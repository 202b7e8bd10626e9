import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { BundledFile, CollectOutcome } from '../domain/collect.js'
import { LedgerError } from '../domain/errors.js'
import type { InputOptions } from '../domain/options.js'
import { printable } from '../domain/printable.js'
import type { Warning } from '../domain/wal.js'
import { isAtCap } from '../domain/wal-cap.js'
import { writeError } from '../domain/write-error.js'
import { StateLock } from '../pipeline/state-lock.js'
import { toolVersion } from '../pipeline/version.js'
import { discover, isLocal, readFiles } from '../sources/index.js'
import { Bundle } from './bundle.js'
import { Journal } from './journal.js'
import { RUN_AGAIN, readManifest, writeManifest } from './manifest.js'
import { JOURNAL, LOCK, MANIFEST, OWN_NAMES } from './names.js'

export interface CollectOptions extends Pick<InputOptions, 'sources' | 's3' | 'concurrency'> {
  /** Folder of the bundle. */
  readonly to: string
  readonly signal: AbortSignal
}

/**
 * Copies the WAL of all pods behind the sources into a folder, and writes down what it copied. Whatever interrupts it, the
 * same call goes on; called again it adds what is new. Throws `refused` where the folder holds something else,
 * `usage` where it lies within a source, `target_locked`, `disk_full`, and what the sources throw.
 */
export async function collect({ sources, s3, concurrency, to, signal }: CollectOptions): Promise<CollectOutcome> {
  const discovery = await discover(sources, { concurrency, s3, signal })
  const dir = resolve(to)
  prepare(dir, sources)
  const lock = StateLock.acquire(join(dir, LOCK))
  try {
    removeHalfWritten(dir)
    const journal = new Journal(dir)
    const bundle = new Bundle(dir, journal, [...(readManifest(dir) ?? []), ...journal.begin()])
    const live = new Set(discovery.live.map(({ pod }) => pod))
    const unreadable = [...discovery.unreadable]
    const wanted = discovery.files.filter((file) => !bundle.has(file, live.has(file.pod)))
    for await (const open of readFiles(wanted, signal)) {
      const { path, state, reason } = await bundle.add(open, live.has(open.file.pod)).catch((error) => {
        throw isOfFiles(error) ? writeError('a file of the bundle', printable(dir), error, RUN_AGAIN) : error
      })
      if (state === 'incomplete') unreadable.push({ path, reason: reason ?? 'not read to its end' })
    }
    const { files } = bundle
    await writeManifest(dir, toolVersion(), files)
    journal.end()
    const warnings = [...discovery.warnings, ...full(files)]
    return { bundle: dir, files, written: bundle.written, unreadable, warnings, live: discovery.live }
  } finally {
    lock.release()
  }
}

/** An error of the file system: what is read has its own way to tell of errors. */
const isOfFiles = (error: unknown): boolean => (error as NodeJS.ErrnoException).syscall !== undefined

/** A process that was killed left its temporary files; whoever holds the lock may remove them. */
function removeHalfWritten(dir: string): void {
  const known = [MANIFEST, JOURNAL, LOCK]
  for (const name of readdirSync(dir))
    if (name.startsWith(OWN_NAMES) && !known.includes(name)) rmSync(join(dir, name), { force: true })
}

function prepare(dir: string, sources: readonly string[]): void {
  for (const source of sources.filter(isLocal))
    if (`${dir}/`.startsWith(`${resolve(source)}/`))
      throw new LedgerError('usage', 'the bundle would lie within a source, and be read as one the next time', {
        place: printable(dir),
        hint: 'name a folder with --to that stands beside the sources',
      })
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw writeError('the folder of the bundle', printable(dir), cause, 'name another one with --to')
  }
  const names = readdirSync(dir)
  if (names.length === 0 || [MANIFEST, JOURNAL].some((name) => names.includes(name))) return
  // Killed before it had begun.
  if (names.every((name) => name === LOCK)) return
  throw new LedgerError('refused', 'the folder is not empty and holds no bundle: nothing was written to it', {
    place: printable(dir),
    hint: 'name an empty folder with --to, or one that collect has made',
  })
}

/** A pod at its cap drops new records and keeps the old ones. */
function full(files: readonly BundledFile[]): Warning[] {
  const pods = new Map<string, { bytes: number; segments: number }>()
  for (const { pod, bytes, kind } of files) {
    const sums = pods.get(pod) ?? { bytes: 0, segments: 0 }
    pods.set(pod, { bytes: sums.bytes + bytes, segments: sums.segments + (kind === 'segment' ? 1 : 0) })
  }
  return [...pods]
    .filter(([, sums]) => isAtCap(sums))
    .map(([pod]) => ({
      class: 'pod_full',
      message: 'its WAL is at its cap: it has very probably lost the records that came after',
      path: pod,
    }))
}
