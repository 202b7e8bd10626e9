import { createReadStream } from 'node:fs'
import type { BundledFile } from '../domain/collect.js'
import type { Pace } from '../domain/pace.js'
import { sha256Of } from '../domain/sha256.js'
import type { OpenWalFile, WalFile } from '../domain/wal.js'
import { bundlePath, copyPath } from './bundle-path.js'
import { later, writeCheckpoint } from './checkpoint-file.js'
import type { Journal } from './journal.js'
import { originOf } from './origin.js'
import { discard, receive } from './receive.js'
import type { BundleStore, Kept, Received } from './store.js'
import { upToFirstGrowth } from './up-to.js'

/** What a content is to the one that stands where it belongs. */
type Relation = 'first' | 'same' | 'restores' | 'continues' | 'less' | 'other'

/** The files of a bundle while it is added to. Several may be added at once. */
export class Bundle {
  written = 0
  private readonly byPath = new Map<string, BundledFile>()
  private readonly byOrigin = new Map<string, BundledFile>()
  /** The last work on each path: two sources may hold one file. */
  private readonly busy = new Map<string, Promise<unknown>>()

  /** @param kept files as the store lists them, kept up with what is added */
  constructor(
    private readonly store: BundleStore,
    private readonly journal: Journal,
    private readonly kept: Map<string, Kept>,
    known: readonly BundledFile[],
  ) {
    for (const entry of known) this.note(entry)
  }

  get files(): BundledFile[] {
    return [...this.byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
  }

  /** What is known of a source's file. */
  entryOf(file: WalFile): BundledFile | undefined {
    return this.byOrigin.get(originOf(file))
  }

  /** Whether this very version of the file is there, as an earlier run left it: whole, or all that a running pod has of it. */
  has(file: WalFile, mayGrow: boolean): boolean {
    const entry = this.entryOf(file)
    if (entry === undefined || entry.version !== file.version) return false
    const asItIs = mayGrow && entry.state === 'growing' && entry.bytes === file.bytes
    if (entry.state !== 'whole' && !asItIs) return false
    return entry.bytes === this.kept.get(entry.path)?.bytes && sameCheckpoint(entry, file)
  }

  /**
   * Copies a file, its checkpoint behind it. What its pod has drained meanwhile is noted, not missing.
   * @param mayGrow whether its pod may go on writing to it
   */
  async add(open: OpenWalFile, mayGrow: boolean, pace: Pace): Promise<BundledFile> {
    const { file } = open
    const received = await receive(this.store.spool, pace.through(upToFirstGrowth(open)))
    const problem = open.problem()
    const growing = mayGrow || open.grownBytes() > 0
    const gone = problem?.kind === 'vanished' && received.bytes === 0
    const state = gone ? 'vanished' : problem !== null ? 'incomplete' : growing ? 'growing' : 'whole'
    const path = bundlePath(file)
    const entry: BundledFile = {
      pod: file.pod,
      path,
      kind: file.kind,
      bytes: received.bytes,
      modifiedMs: file.modifiedMs,
      sha256: received.sha256,
      checkpoint: file.checkpoint,
      state,
      reason: problem?.reason ?? null,
      origin: originOf(file),
      version: file.version,
    }
    try {
      return await this.alone(path, () => (gone ? this.vanished(entry) : this.place(received, entry)))
    } finally {
      discard(received)
    }
  }

  private async vanished(entry: BundledFile): Promise<BundledFile> {
    const known = this.byPath.get(entry.path) ?? entry
    await this.journal.add(known)
    this.note(known)
    return known
  }

  /** One file of that name grows; contents that are no beginning of one another are kept side by side. */
  private async place(received: Received, entry: BundledFile): Promise<BundledFile> {
    for (const path of [entry.path, copyPath(entry.path, entry.sha256)]) {
      const known = this.byPath.get(path)
      const relation = await this.relation(received, path)
      if (relation === 'other') continue
      const checkpoint = known === undefined ? entry.checkpoint : later(known.checkpoint, entry.checkpoint)
      const longer = relation === 'less' ? await this.longer(path) : {}
      const next: BundledFile = { ...entry, path, checkpoint, ...longer }
      await this.journal.add(next)
      if (relation === 'first' || relation === 'restores' || relation === 'continues') {
        this.kept.set(path, await this.store.put(received, path, this.kept.get(path) ?? null))
        this.written++
      }
      await writeCheckpoint(this.store, next)
      this.note(next)
      return next
    }
    throw new Error('a path made of a hash holds the bytes of that hash')
  }

  private async relation(received: Received, path: string): Promise<Relation> {
    const kept = this.kept.get(path)
    if (kept === undefined) return 'first'
    const known = this.byPath.get(path)
    if (known?.sha256 === received.sha256) return kept.bytes === received.bytes ? 'same' : 'restores'
    const least = Math.min(received.bytes, kept.bytes)
    if (
      (await sha256Of(createReadStream(received.file), least)) !== (await sha256Of(this.store.read(path, kept), least))
    )
      return 'other'
    return received.bytes > kept.bytes ? 'continues' : received.bytes === kept.bytes ? 'same' : 'less'
  }

  /** What is to be said of a content that is there already and goes on longer. */
  private async longer(path: string): Promise<Partial<BundledFile>> {
    const kept = this.kept.get(path) as Kept
    const known = this.byPath.get(path)
    if (known?.bytes !== kept.bytes) return { bytes: kept.bytes, sha256: await sha256Of(this.store.read(path, kept)) }
    const { bytes, sha256, state, reason } = known
    return { bytes, sha256, state, reason }
  }

  private async alone<T>(path: string, work: () => Promise<T>): Promise<T> {
    const mine = (this.busy.get(path) ?? Promise.resolve()).then(work, work)
    this.busy.set(path, mine)
    try {
      return await mine
    } finally {
      if (this.busy.get(path) === mine) this.busy.delete(path)
    }
  }

  private note(entry: BundledFile): void {
    this.byPath.set(entry.path, entry)
    this.byOrigin.set(entry.origin, entry)
  }
}

function sameCheckpoint(entry: BundledFile, { checkpoint }: WalFile): boolean {
  return JSON.stringify(later(entry.checkpoint, checkpoint)) === JSON.stringify(entry.checkpoint)
}
