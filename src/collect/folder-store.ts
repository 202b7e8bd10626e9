import {
  appendFileSync,
  closeSync,
  createReadStream,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import { writeError } from '../domain/write-error.js'
import { StateLock } from '../pipeline/state-lock.js'
import { syncDirectory } from '../pipeline/sync-directory.js'
import { JOURNAL, LOCK, MANIFEST, OWN_NAMES, RUN_AGAIN, TEMPORARY } from './names.js'
import type { BundleStore, Kept, Received, StoreLock } from './store.js'

/** A bundle in a folder of this machine; files are for its owner alone. */
export class FolderStore implements BundleStore {
  readonly place: string

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
    this.writing(this.place, () => mkdirSync(this.place, { recursive: true, mode: 0o700 }))
    if (breakLock) rmSync(this.at(LOCK), { force: true })
    const lock = StateLock.acquire(this.at(LOCK))
    const known = [MANIFEST, JOURNAL, LOCK]
    for (const name of readdirSync(this.place))
      if (name.startsWith(OWN_NAMES) && !known.includes(name)) rmSync(this.at(name), { force: true })
    return { warnings: [], assertHeld: async () => {}, release: async () => lock.release() }
  }

  async put({ file, bytes }: Received, path: string): Promise<Kept> {
    this.writing(path, () => this.settle(file, path))
    return { bytes, tag: '' }
  }

  async write(path: string, text: string): Promise<Kept> {
    const temporary = this.at(TEMPORARY)
    this.writing(path, () => {
      writeFileSync(temporary, text, { mode: 0o600 })
      this.settle(temporary, path)
    })
    return { bytes: Buffer.byteLength(text), tag: '' }
  }

  async journalAppend(text: string): Promise<void> {
    this.writing(JOURNAL, () => {
      appendFileSync(this.at(JOURNAL), text, { mode: 0o600 })
      sync(this.at(JOURNAL))
    })
  }

  async journalText(): Promise<string | null> {
    return existsSync(this.at(JOURNAL)) ? readFileSync(this.at(JOURNAL), 'utf8') : null
  }

  async journalEnd(): Promise<void> {
    this.writing(JOURNAL, () => rmSync(this.at(JOURNAL), { force: true }))
  }

  private at(path: string): string {
    return join(this.place, path)
  }

  private settle(file: string, path: string): void {
    sync(file)
    const folder = dirname(this.at(path))
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    renameSync(file, this.at(path))
    syncDirectory(folder)
  }

  private writing(path: string, work: () => void): void {
    try {
      work()
    } catch (cause) {
      throw writeError(
        'a file of the bundle',
        printable(this.at(relative(this.place, this.at(path)))),
        cause,
        RUN_AGAIN,
      )
    }
  }
}

function sync(file: string): void {
  const fd = openSync(file, 'r+')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
