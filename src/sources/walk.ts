import type { BigIntStats } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import { type Beside, isWal, roleOf } from './layout.js'
import { identityOf, lookAt, notRead } from './local-file.js'
import { displayPath, join, parent } from './names.js'
import {
  emptyListing,
  type FoundFile,
  HALF_MADE,
  type Listing,
  NO_FILE,
  notWal,
  PACKED,
  type Search,
} from './source.js'

/** Files that are looked at in one go. */
const BATCH = 256

/** A name in a folder that is to be looked at. */
interface Entry {
  readonly full: Buffer
  /** Below the source's root. */
  readonly below: Buffer
  readonly beside: Beside
}

/**
 * Finds the files below a folder. Names are read as bytes. Links are followed after all that stands there under its own
 * name, each target once, and never to a folder that holds the source; so loops end, and of two names of one file the
 * same one is shown every time. What is neither file nor folder is named in a warning and not opened.
 * @param below path of the folder as the listing shall name it
 */
export async function walk(root: Buffer, below: Buffer, search: Search): Promise<Listing> {
  const walker = new Walker(search, await foldersAbove(root))
  await walker.run({ full: root, below, beside: new Set() })
  return walker.listing
}

class Walker {
  readonly listing = emptyListing()
  private links: Entry[] = []
  private found: { file: FoundFile; identity: string | null }[] = []
  private readonly others: Buffer[] = []

  constructor(
    private readonly search: Search,
    private readonly above: ReadonlySet<string>,
  ) {}

  async run(root: Entry): Promise<void> {
    await this.folder(root)
    this.keep()
    while (this.links.length > 0) {
      const links = this.links.sort(byPath)
      this.links = []
      for (const link of links) {
        await this.link(link)
        this.keep()
      }
    }
    this.listing.files.sort((a, b) => Buffer.compare(a.path, b.path))
    this.listing.warnings.push(...notWal(this.others))
  }

  private async folder({ full, below }: Entry): Promise<void> {
    this.search.signal?.throwIfAborted()
    try {
      if (!this.isNew(await this.search.limit(() => stat(full, { bigint: true })))) {
        this.alreadyRead(below)
        return
      }
      if (displayPath(below).endsWith('.segments')) this.listing.segments = true
      const entries = await this.search.limit(() => readdir(full, { encoding: 'buffer', withFileTypes: true }))
      const beside = new Set(
        entries.map((entry) => `${entry.name.toString('latin1')}${entry.isDirectory() ? '/' : ''}`),
      )
      const files: Entry[] = []
      const folders: Entry[] = []
      for (const entry of entries) {
        const place = { full: join(full, entry.name), below: join(below, entry.name), beside }
        if (entry.isDirectory()) folders.push(place)
        else if (entry.isFile()) files.push(place)
        else if (entry.isSymbolicLink()) this.links.push(place)
        else this.noFile(place.below)
      }
      await Promise.all([this.search.limit(() => this.files(files)), ...folders.map((inner) => this.folder(inner))])
    } catch (error) {
      this.search.signal?.throwIfAborted()
      notRead(error, below, this.listing)
    }
  }

  private async files(entries: readonly Entry[]): Promise<void> {
    for (const [i, entry] of entries.entries()) {
      await this.file(entry)
      if (i % BATCH !== 0) continue
      // Lets go of the thread now and then, so that a signal is heard.
      await setImmediate()
      this.search.signal?.throwIfAborted()
    }
  }

  private async file({ full, below, beside }: Entry): Promise<void> {
    const role = roleOf(below, beside)
    if (role === 'unfinished_checkpoint') this.listing.unfinished.push(below)
    else if (role === 'half_made') this.listing.unreadable.push({ path: displayPath(below), reason: HALF_MADE })
    else if (role === 'packed') this.listing.unreadable.push({ path: displayPath(below), reason: PACKED })
    else if (role === 'other') this.others.push(below)
    else if (isWal(role) || role === 'archive')
      try {
        this.found.push(await lookAt(full, below, role, beside))
      } catch (error) {
        notRead(error, below, this.listing)
      }
  }

  private async link(link: Entry): Promise<void> {
    const { full, below } = link
    try {
      const info = await stat(full, { bigint: true })
      if (info.isFile()) await this.file(link)
      else if (!info.isDirectory()) this.noFile(below)
      else if (this.above.has(identityOf(info) ?? ''))
        this.listing.warnings.push({
          class: 'link_loop',
          message: 'link to a folder that holds the source: not followed',
          path: displayPath(below),
        })
      else await this.folder(link)
    } catch (error) {
      this.search.signal?.throwIfAborted()
      notRead(error, below, this.listing)
    }
  }

  /** Takes over what has been found, files under the first of their names. */
  private keep(): void {
    this.found.sort((a, b) => Buffer.compare(a.file.path, b.file.path))
    for (const { file, identity } of this.found)
      if (this.isNewIdentity(identity)) this.listing.files.push(file)
      else this.listing.repeated++
    this.found = []
  }

  private isNew(info: BigIntStats): boolean {
    return this.isNewIdentity(identityOf(info))
  }

  private isNewIdentity(identity: string | null): boolean {
    if (identity === null) return true
    const isNew = !this.search.seen.has(identity)
    this.search.seen.add(identity)
    return isNew
  }

  private alreadyRead(below: Buffer): void {
    this.listing.repeated++
    this.listing.warnings.push({
      class: 'already_read',
      message: 'a folder that is read already, under another name or argument',
      path: displayPath(below) || '.',
    })
  }

  private noFile(below: Buffer): void {
    this.listing.warnings.push({ class: 'not_a_file', message: NO_FILE, path: displayPath(below) })
  }
}

const byPath = (a: Entry, b: Entry) => Buffer.compare(a.below, b.below)

/** Identities of the folders that hold this one. */
async function foldersAbove(folder: Buffer): Promise<Set<string>> {
  const above = new Set<string>()
  let at: Buffer = await realpath(folder, { encoding: 'buffer' }).catch(() => Buffer.alloc(0))
  while (at.length > 0) {
    at = parent(at)
    const identity = await stat(at.length === 0 ? '/' : at, { bigint: true }).then(identityOf, () => null)
    if (identity !== null) above.add(identity)
  }
  return above
}
