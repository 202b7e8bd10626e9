import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { type Header, pack } from 'tar-stream'
import { onTestFinished } from 'vitest'
import type { ReadProblem, WalFile } from '../../src/domain/wal.js'
import { type Discovery, discover, readFiles } from '../../src/sources/index.js'

/** An empty folder of the running test, removed after it. */
export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sources-'), { encoding: 'utf8' })
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Writes files below a folder, making the folders on the way. */
export function write(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
}

/** A name as obleth gives it to the segment that it begins at this time. */
export function segmentName(ms: number, tail = '4f6c1b7e-5d1a-4a38-9a51-3f2a6f1d9b10'): string {
  return `${String(ms).padStart(14, '0')}000000-${tail}.jsonl`
}

/** An archive of these entries, in this order. */
export function tarOf(
  entries: readonly (Partial<Header> & { name: string; content?: string | Uint8Array })[],
): Promise<Buffer> {
  const archive = pack()
  for (const { content, ...header } of entries)
    if (content === undefined) archive.entry(header)
    else archive.entry(header, Buffer.from(content))
  archive.finalize()
  return buffer(archive)
}

/** What no test of local files looks at. */
export const AWS = { endpoint: undefined, pathStyle: false, timeoutMs: 5000 }

export const find = (...sources: string[]): Promise<Discovery> => discover(sources, { concurrency: 4, s3: AWS })

export interface Got {
  readonly file: WalFile
  readonly bytes: Buffer
  readonly problem: ReadProblem | null
  readonly grown: number
}

/** Reads files to their ends, in their order. */
export async function read(files: readonly WalFile[]): Promise<Got[]> {
  const all: Got[] = []
  for await (const open of readFiles(files)) {
    const chunks: Buffer[] = []
    for await (const chunk of open.chunks) chunks.push(Buffer.from(chunk))
    all.push({ file: open.file, bytes: Buffer.concat(chunks), problem: open.problem(), grown: open.grownBytes() })
  }
  return all
}

/** What stands in the files, by path. */
export async function contents(files: readonly WalFile[]): Promise<Record<string, string>> {
  return Object.fromEntries((await read(files)).map(({ file, bytes }) => [file.path, bytes.toString('latin1')]))
}
