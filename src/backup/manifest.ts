import { z } from 'zod'
import type { BackupManifest, StoreName } from '../domain/backup.js'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import { isSafePath } from './storage/paths.js'
import type { Storage } from './storage/storage.js'

const FORMAT = 1
const MANIFEST = 'manifest.json'
/** Written first: who makes the backup, so that one that is being made is told from one that nobody will finish. */
const MAKER = 'maker.json'
/** More than any manifest of ours; what is longer was made by somebody else. */
const MOST_BYTES = 256 << 20

const file = z.object({
  path: z.string().refine(isSafePath),
  bytes: z.number(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  plain: z.object({ bytes: z.number(), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
})

const manifest = z.object({
  format: z.literal(FORMAT),
  store: z.enum(['postgres', 'redis', 'clickhouse']),
  id: z.string(),
  tool: z.string(),
  programs: z.record(z.string(), z.string()),
  serverVersion: z.string(),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  source: z.string(),
  encryption: z.enum(['none', 'age', 'gpg']),
  serverSideEncryption: z
    .object({ algorithm: z.enum(['AES256', 'aws:kms']), keyId: z.string().nullable() })
    .nullable()
    .default(null),
  files: z.array(file),
  contents: z.object({
    databases: z.array(z.string()),
    tables: z.array(z.object({ table: z.string(), rows: z.number() })),
    facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.string())])),
  }),
  notes: z.array(z.string()),
})

/** Where a backup's files lie in a storage. */
export const folderOf = (store: StoreName, id: string): string => `${store}/${id}`

export const manifestPath = (store: StoreName, id: string): string => `${folderOf(store, id)}/${MANIFEST}`
export const makerPath = (store: StoreName, id: string): string => `${folderOf(store, id)}/${MAKER}`

/** Reads a backup's manifest. Throws `state_damaged` where it is none, and what the storage throws. */
export async function readManifest(
  storage: Storage,
  store: StoreName,
  id: string,
  signal: AbortSignal,
): Promise<BackupManifest> {
  const path = manifestPath(store, id)
  const text = await readText(storage, path, signal)
  const read = manifest.safeParse(parseJson(text))
  if (read.success && read.data.id === id && read.data.store === store) return read.data
  throw new LedgerError('state_damaged', 'the manifest of the backup cannot be read', {
    place: printable(`${storage.place}/${path}`),
    hint: 'obleth-ledger backups list shows which backups are complete: use another one',
  })
}

/** Writes the manifest, and with it makes the backup a complete one. */
export async function writeManifest(storage: Storage, document: BackupManifest, signal: AbortSignal): Promise<void> {
  await writeJson(storage, manifestPath(document.store, document.id), { format: FORMAT, ...document }, signal)
}

export async function writeJson(storage: Storage, path: string, document: unknown, signal: AbortSignal): Promise<void> {
  async function* text() {
    yield Buffer.from(`${JSON.stringify(document, null, 1)}\n`)
  }
  await storage.write(path, text(), signal)
}

/** A small text file of a storage. Throws `state_damaged` where it is none, and what the storage throws. */
export async function readText(storage: Storage, path: string, signal: AbortSignal): Promise<string> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of storage.read(path, signal)) {
    bytes += piece.length
    if (bytes > MOST_BYTES)
      throw new LedgerError('state_damaged', 'the file is too long to be one of this tool', {
        place: printable(`${storage.place}/${path}`),
        hint: 'obleth-ledger backups list shows which backups are complete: use another one',
      })
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString()
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
