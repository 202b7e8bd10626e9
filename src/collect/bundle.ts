import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { BundledFile } from '../domain/collect.js'
import type { OpenWalFile, WalFile } from '../domain/wal.js'
import { whereabouts } from '../sources/index.js'
import { bundlePath, copyPath } from './bundle-path.js'
import { later, writeCheckpoint } from './checkpoint-file.js'
import type { Journal } from './journal.js'
import { discard, type Received, receive, settle, sha256Of } from './write-file.js'

/** The files of a bundle while it is added to. */
export class Bundle {
  written = 0
  private readonly byPath = new Map<string, BundledFile>()
  private readonly byOrigin = new Map<string, BundledFile>()

  constructor(
    private readonly dir: string,
    private readonly journal: Journal,
    known: readonly BundledFile[],
  ) {
    for (const entry of known) this.note(entry)
  }

  get files(): BundledFile[] {
    return [...this.byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
  }

  /** Whether this very version of the file is there, as an earlier run left it: whole, or all that a running pod has of it. */
  has(file: WalFile, live: boolean): boolean {
    const entry = this.byOrigin.get(originOf(file))
    if (entry === undefined || entry.version !== file.version) return false
    const asItIs = live && entry.state === 'growing' && entry.bytes === file.bytes
    if (entry.state !== 'whole' && !asItIs) return false
    return entry.bytes === sizeOf(join(this.dir, entry.path)) && sameCheckpoint(entry, file)
  }

  /** Copies a file, its checkpoint behind it. What its pod has drained meanwhile is noted, not missing. */
  async add(open: OpenWalFile, live: boolean): Promise<BundledFile> {
    const { file } = open
    const received = await receive(this.dir, open.chunks)
    const problem = open.problem()
    const growing = live || open.grownBytes() > 0
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
    const kept = gone ? this.discarded(received, entry) : await this.place(received, entry)
    this.note(kept)
    this.journal.add(kept)
    return kept
  }

  private discarded(received: Received, entry: BundledFile): BundledFile {
    discard(received)
    return this.byPath.get(entry.path) ?? entry
  }

  /** One file of that name grows; contents that are no beginning of one another are kept side by side. */
  private async place(received: Received, entry: BundledFile): Promise<BundledFile> {
    for (const path of [entry.path, copyPath(entry.path, entry.sha256)]) {
      const before = this.byPath.get(path)
      const relation = before === undefined ? 'more' : await this.compare(received, before)
      if (relation === 'other') continue
      const checkpoint = before === undefined ? entry.checkpoint : later(before.checkpoint, entry.checkpoint)
      const kept =
        relation === 'less' && before !== undefined ? { ...before, checkpoint } : { ...entry, path, checkpoint }
      if (relation === 'more') {
        settle(received, this.dir, path)
        this.written++
      } else discard(received)
      writeCheckpoint(this.dir, kept)
      return kept
    }
    throw new Error('a path made of a hash holds the bytes of that hash')
  }

  private async compare(received: Received, before: BundledFile): Promise<'same' | 'more' | 'less' | 'other'> {
    const there = join(this.dir, before.path)
    if (before.state === 'vanished' || sizeOf(there) !== before.bytes) return 'more'
    if (received.sha256 === before.sha256) return 'same'
    const least = Math.min(received.bytes, before.bytes)
    if ((await sha256Of(received.temporary, least)) !== (await sha256Of(there, least))) return 'other'
    return received.bytes > before.bytes ? 'more' : 'less'
  }

  private note(entry: BundledFile): void {
    this.byPath.set(entry.path, entry)
    this.byOrigin.set(entry.origin, entry)
  }
}

function originOf({ locator, path }: WalFile): string {
  return JSON.stringify([whereabouts(locator.stored), locator.members.map(({ number }) => number), path])
}

function sameCheckpoint(entry: BundledFile, { checkpoint }: WalFile): boolean {
  return JSON.stringify(later(entry.checkpoint, checkpoint)) === JSON.stringify(entry.checkpoint)
}

function sizeOf(file: string): number | null {
  return statSync(file, { throwIfNoEntry: false })?.size ?? null
}
