import { createReadStream } from 'node:fs'
import type { BackedUpFile, Encryption, KeyOptions } from '../domain/backup.js'
import type { Pace } from '../domain/pace.js'
import { encrypt, SUFFIX } from './encryption.js'
import { Hashing } from './hashing.js'
import type { Storage } from './storage/storage.js'

/** The files of one backup while it is made: each is encrypted and hashed on its way into the storage. */
export class BackupWriter {
  readonly files: BackedUpFile[] = []

  constructor(
    private readonly storage: Storage,
    /** Of this backup, in the storage: `redis/20260311T020000Z-1a2b3c`. */
    readonly folder: string,
    readonly encryption: Encryption,
    private readonly keys: KeyOptions,
    private readonly pace: Pace,
    readonly signal: AbortSignal,
  ) {}

  /**
   * Stores a file. The bytes' maker has to throw where they are not all there: what a program wrote before it failed
   * must not become a file of a backup.
   */
  async add(name: string, chunks: AsyncIterable<Uint8Array>): Promise<BackedUpFile> {
    const plain = new Hashing()
    const stored = new Hashing()
    const path = `${name}${SUFFIX[this.encryption]}`
    const encrypted = encrypt(plain.through(chunks), this.encryption, this.keys, this.signal)
    await this.storage.write(`${this.folder}/${path}`, this.pace.through(stored.through(encrypted)), this.signal)
    const file = { path, ...stored.digest(), plain: plain.digest() }
    this.files.push(file)
    return file
  }

  /** Where the backup is kept, for people. */
  get place(): string {
    return this.storage.place
  }

  /**
   * Takes in what a server has written below this backup's folder by itself, not encrypted: each file is read to its end and
   * hashed. Returns their bytes, by their paths below that folder.
   */
  async adopt(folder: string): Promise<Map<string, number>> {
    const found = new Map<string, number>()
    const prefix = `${this.folder}/${folder}/`
    for await (const { path } of this.storage.list(prefix, this.signal)) {
      const stored = new Hashing()
      for await (const _ of stored.through(this.read(path)));
      const digest = stored.digest()
      this.files.push({ path: path.slice(this.folder.length + 1), ...digest, plain: digest })
      found.set(path.slice(prefix.length), digest.bytes)
    }
    return found
  }

  /** Bytes of a file of the storage, by its whole path. */
  read(path: string): AsyncIterable<Uint8Array> {
    return this.storage.read(path, this.signal)
  }

  /** Stores a file of this machine. */
  addFile(name: string, file: string): Promise<BackedUpFile> {
    return this.add(name, createReadStream(file, { highWaterMark: 1 << 20 }))
  }
}
