import { createReadStream, existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { appendFile, mkdir, open, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import { taken } from '../domain/taken.js'
import { writeError } from '../domain/write-error.js'
import { StateLock } from '../pipeline/state-lock.js'
import { JOURNAL, LOCK, MANIFEST, OWN_NAMES, RUN_AGAIN, TEMPORARY } from './names.js'
import type { BundleStore, Kept, Received, StoreLock } from './store.js'

/** A bundle in a folder of this machine; files are for its owner alone. */
export class FolderStore implements BundleStore {
  readonly place: string
  private texts = 0

  constructor(folder: string) {
    this.place = resolve(folder)
  }

  /** The folder itself, so that a content gets to its place by a rename. */
  get spool(): string {
    return this.place
  }

  async isBundle(): Promise<boolean> {
    return [MANIFEST, JOURNAL].some((name) => existsSync(this.at(name)))
  }

  async list(): Promise<Map<string, Kept>> {
    const files = new Map<string, Kept>()
    if (!existsSync(this.place)) return files
    for (const entry of readdirSync(this.place, { recursive: true, withFileTypes: true })) {
      if (entry.isDirectory()) continue
      const full = join(entry.parentPath, entry.name)
      // A link could lead out of the bundle.
      if (!entry.isFile())
        throw new LedgerError('refused', 'the bundle holds something that is neither file nor folder', {
          place: printable(full),
          hint: 'move it elsewhere, then run the same command again',
        })
      const size = statSync(full, { throwIfNoEntry: false })?.size
      if (size !== undefined) files.set(relative(this.place, full).split(sep).join('/'), { bytes: size, tag: '' })
    }
    return files
  }

  read(path: string): AsyncIterable<Uint8Array> {
    return createReadStream(this.at(path))
  }

  async lock(breakLock: boolean): Promise<StoreLock> {
    await this.writing('', () => mkdir(this.place, { recursive: true, mode: 0o700 }))
    if (breakLock) rmSync(this.at(LOCK), { force: true })
    const lock = StateLock.acquire(this.at(LOCK))
    const known = [MANIFEST, JOURNAL, LOCK]
    for (const name of readdirSync(this.place))
      if (name.startsWith(OWN_NAMES) && !known.includes(name)) rmSync(this.at(name), { force: true })
    return { warnings: [], assertHeld: async () => {}, release: async () => lock.release() }
  }

  async put({ file, bytes }: Received, path: string, before: Kept | null): Promise<Kept> {
    this.assertStill(path, before)
    await this.writing(path, () => this.settle(file, path))
    return { bytes, tag: '' }
  }

  async write(path: string, text: string, before?: Kept | null): Promise<Kept> {
    if (before !== undefined) this.assertStill(path, before)
    const temporary = this.at(`${TEMPORARY}-text-${this.texts++}`)
    await this.writing(path, async () => {
      await writeFile(temporary, text, { mode: 0o600 })
      await this.settle(temporary, path)
    })
    return { bytes: Buffer.byteLength(text), tag: '' }
  }

  async journalAppend(text: string): Promise<void> {
    await this.writing(JOURNAL, async () => {
      await appendFile(this.at(JOURNAL), text, { mode: 0o600 })
      await sync(this.at(JOURNAL))
    })
  }

  async journalText(): Promise<string | null> {
    return existsSync(this.at(JOURNAL)) ? readFileSync(this.at(JOURNAL), 'utf8') : null
  }

  async journalEnd(): Promise<void> {
    await this.writing(JOURNAL, () => rm(this.at(JOURNAL), { force: true }))
  }

  private at(path: string): string {
    return join(this.place, path)
  }

  private assertStill(path: string, before: Kept | null): void {
    const there = statSync(this.at(path), { throwIfNoEntry: false })?.size
    if (there !== before?.bytes) throw taken(this.at(path))
  }

  private async settle(file: string, path: string): Promise<void> {
    await sync(file)
    const folder = dirname(this.at(path))
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await rename(file, this.at(path))
    await sync(folder)
  }

  private async writing(path: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (cause) {
      throw writeError('a file of the bundle', printable(this.at(path)), cause, RUN_AGAIN)
    }
  }
}

/** Makes a file, or the names in a folder, last through a loss of power. Beside other work: it takes a disk a while. */
async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
