import type { BundledFile } from '../domain/collect.js'
import { bundledFile } from './manifest.js'
import type { BundleStore } from './store.js'

/**
 * What a collect is about to put into a bundle, a line for each file, safe before the file is put there. While there is a
 * journal the bundle is half made: whoever reads it says so.
 */
export class Journal {
  private waiting: string[] = []
  private writing: Promise<void> = Promise.resolve()

  private constructor(private readonly store: BundleStore) {}

  /** Begins, or goes on with what an earlier run left. */
  static async begin(store: BundleStore): Promise<{ journal: Journal; entries: BundledFile[] }> {
    const text = await store.journalText()
    if (text === null) await store.journalAppend('')
    return { journal: new Journal(store), entries: (text ?? '').split('\n').flatMap(entryOf) }
  }

  /** Entries that come while others are being written are written together with the next one. */
  async add(entry: BundledFile): Promise<void> {
    this.waiting.push(JSON.stringify(entry))
    this.writing = this.writing.then(() => this.flush())
    return this.writing
  }

  end(): Promise<void> {
    return this.store.journalEnd()
  }

  private async flush(): Promise<void> {
    if (this.waiting.length === 0) return
    const lines = this.waiting
    this.waiting = []
    // In front too: what stands there may be half a line.
    await this.store.journalAppend(`\n${lines.join('\n')}\n`)
  }
}

function entryOf(line: string): BundledFile[] {
  try {
    return [bundledFile.parse(JSON.parse(line))]
  } catch {
    // Empty, or the last one of a process that was killed: that file is copied again.
    return []
  }
}
