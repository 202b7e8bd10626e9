import type { CollectOutcome, Unread } from '../domain/collect.js'
import { LedgerError } from '../domain/errors.js'
import type { CollectOptions } from '../domain/options.js'
import { printable } from '../domain/printable.js'
import type { RunContext } from '../domain/run.js'
import type { WalFile } from '../domain/wal.js'
import { toolVersion } from '../pipeline/version.js'
import { absoluteSource, type Discovery, discover } from '../sources/index.js'
import { assertOutside } from './assert-outside.js'
import { Bundle } from './bundle.js'
import { writeCheckpoint } from './checkpoint-file.js'
import { copyFiles } from './copy-files.js'
import { fullPods } from './full-pods.js'
import { Journal } from './journal.js'
import { readManifest, writeManifest } from './manifest.js'
import { mayGrow } from './may-grow.js'
import { JOURNAL, LOCK, MANIFEST } from './names.js'
import { openStore } from './open-store.js'
import { standing } from './recover.js'
import type { BundleStore, Kept } from './store.js'

/**
 * Copies the WAL of all pods behind the sources to where the bundle is kept, and writes down what it copied. Whatever
 * interrupts it, the same call goes on; called again it adds what is new. Throws `refused` where something else stands
 * there, `usage` where it lies within a source, `target_locked`, `disk_full`, and what sources and store throw.
 */
export async function collect(
  options: CollectOptions,
  { emit, signal }: Pick<RunContext, 'emit' | 'signal'>,
): Promise<CollectOutcome> {
  const { sources, s3, concurrency, to, breakLock } = options
  const store = openStore(to, options, signal)
  assertOutside(store.place, sources)
  const discovery = await discover(sources, { concurrency, s3, signal })
  assertBundleOrNothing(store, await store.list())
  const lock = await store.lock(breakLock)
  let done = false
  try {
    const kept = await store.list()
    const { bundle, journal, unread } = await takeUp(store, kept)
    const live = new Set(discovery.live.map(({ pod }) => pod))
    const growing = mayGrow(discovery.files, live)
    const wanted = discovery.files.filter((file) => !bundle.has(file, growing(file)))
    const unreadable = [...discovery.unreadable]
    const incomplete = await copyFiles(wanted, bundle, growing, options, { emit, signal })
    unreadable.push(...incomplete)
    await lock.assertHeld()
    const { files } = bundle
    const missing = [...unread.filter((one) => !isAskedAgain(one, sources)), ...unreadIn(discovery, sources)]
    await writeManifest(store, kept.get(MANIFEST) ?? null, toolVersion(), { files, unread: missing })
    await journal.end()
    done = true
    const warnings = [...discovery.warnings, ...lock.warnings, ...fullPods(heldNow(bundle, discovery.files))]
    return { bundle: store.place, files, written: bundle.written, unreadable, warnings, live: discovery.live }
  } finally {
    await lock.release().catch((error: unknown) => {
      // What went wrong before is the reason for this, too.
      if (done) throw error
    })
  }
}

/** The bundle as earlier runs left it, its checkpoints put right. */
async function takeUp(store: BundleStore, kept: Map<string, Kept>) {
  const manifest = await readManifest(store, kept.get(MANIFEST))
  const { journal, entries } = await Journal.begin(store)
  const { files, journaled } = standing(manifest?.files ?? [], entries, kept)
  for (const entry of journaled) if (entry.state !== 'vanished') await writeCheckpoint(store, entry)
  return { bundle: new Bundle(store, journal, kept, files), journal, unread: manifest?.unread ?? [] }
}

/** Sources by what they mean in every working directory. */
const named = (sources: readonly string[]): string[] => sources.map(absoluteSource).sort()

function unreadIn({ unreadable }: Discovery, sources: readonly string[]): Unread[] {
  return unreadable.map((one) => ({ sources: named(sources), ...one }))
}

function isAskedAgain(unread: Unread, sources: readonly string[]): boolean {
  const now = new Set(named(sources))
  return unread.sources.every((source) => now.has(source))
}

function heldNow(bundle: Bundle, files: readonly WalFile[]) {
  const entries = files.map((file) => bundle.entryOf(file)).filter((entry) => entry !== undefined)
  return entries.filter(({ state }) => state !== 'vanished')
}

function assertBundleOrNothing({ place }: BundleStore, kept: ReadonlyMap<string, Kept>): void {
  if (kept.size === 0 || [MANIFEST, JOURNAL].some((name) => kept.has(name))) return
  // Killed before it had begun.
  if ([...kept.keys()].every((name) => name === LOCK)) return
  throw new LedgerError('refused', 'what --to names is not empty and holds no bundle: nothing was written to it', {
    place: printable(place),
    hint: 'name an empty folder or prefix with --to, or one that collect has made',
  })
}
