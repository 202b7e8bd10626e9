import type { Checkpoint, WalFile, Warning } from '../domain/wal.js'
import { createdMs, inSegments, isGzip, podFolder, roleOf } from './layout.js'
import { displayPath, join } from './names.js'
import type { FoundFile } from './source.js'

/** A file of a source, with what is needed to name its pod. */
export interface SourceFile extends FoundFile {
  /** Names the source, so that equal paths of two sources stay apart. */
  readonly root: string
  /** Pod of files that stand at the source's root. */
  readonly fallbackPod: string
  /** Path of the archive that holds it. */
  readonly archive?: Buffer
  /** Named by the user: read whatever its name. */
  readonly explicit?: boolean
}

/** A file changed this recently belongs to a pod that is probably alive. */
const LIVE_MS = 120_000

export interface Assembled {
  readonly files: WalFile[]
  readonly pods: string[]
  readonly bytes: number
  readonly warnings: Warning[]
  readonly live: { pod: string; reason: string }[]
}

interface Draft extends Omit<WalFile, 'index' | 'candidateBatch'> {
  readonly source: SourceFile
  /** Root and folder: copies of one pod in two sources drain each for itself. */
  readonly drain: string
}

/** Puts found files together: kinds, checkpoints, pods, order of reading, candidate batches. */
export function assemble(found: readonly SourceFile[], warnings: Warning[]): Assembled {
  const checkpoints = new Map<string, string>()
  for (const file of found) if (file.sidecar !== undefined) checkpoints.set(keyOf(file, file.path), file.sidecar)
  const drafts: Draft[] = []
  for (const file of found) {
    const kind = roleOf(file.path, file.explicit ?? false)
    if (kind !== 'legacy' && kind !== 'segment' && kind !== 'corrupt') continue
    const path = displayPath(file.archive === undefined ? file.path : join(file.archive, file.path))
    const text = kind === 'corrupt' ? undefined : checkpointOf(file, checkpoints)
    const checkpoint = readCheckpoint(text, file.bytes)
    if (checkpoint.state === 'unusable')
      warnings.push({
        class: checkpoint.reason === BEYOND ? 'offset_beyond_eof' : 'offset_unreadable',
        message: `checkpoint not used: ${checkpoint.reason}`,
        path: `${path}.offset`,
      })
    const folder = podFolder(file.path)
    drafts.push({
      pod: folder.length === 0 ? file.fallbackPod : displayPath(folder),
      path,
      kind,
      bytes: file.bytes,
      createdMs: createdMs(file.path),
      checkpoint,
      locator: file.locator,
      source: file,
      drain: `${file.root} ${displayPath(folder)}`,
    })
  }
  const candidates = candidateBatches(drafts)
  const ordered = readingOrder(drafts)
  return {
    files: ordered.map((draft, index) => {
      const { source, drain, ...file } = draft
      return { ...file, index, candidateBatch: candidates.get(draft) ?? 0 }
    }),
    pods: [...new Set(drafts.map(({ pod }) => pod))].sort(),
    bytes: drafts.reduce((sum, { source }) => sum + source.storedBytes, 0),
    warnings,
    live: livePods(drafts),
  }
}

const keyOf = (file: SourceFile, path: Buffer) =>
  `${file.root} ${file.archive?.toString('latin1') ?? ''} ${path.toString('latin1')}`

/** Beside the file; beside the name that the pod gave it, where it was compressed later. */
function checkpointOf(file: SourceFile, checkpoints: ReadonlyMap<string, string>): string | undefined {
  const names = isGzip(file.path) ? [file.path, file.path.subarray(0, -'.gz'.length)] : [file.path]
  const found = names.map((name) => checkpoints.get(keyOf(file, Buffer.concat([name, Buffer.from('.offset')]))))
  return found.find((text) => text !== undefined)
}

const BEYOND = 'it lies beyond the end of the file'

function readCheckpoint(text: string | undefined, bytes: number | null): Checkpoint {
  if (text === undefined) return { state: 'none' }
  // obleth writes plain digits; an end of line may have come by an editor.
  if (!/^\d{1,15}\s*$/.test(text)) return { state: 'unusable', reason: 'not a decimal number' }
  const offset = Number(text)
  return bytes !== null && offset > bytes ? { state: 'unusable', reason: BEYOND } : { state: 'at', offset }
}

/**
 * obleth drains the files of a pod one after another, the legacy one first, then segments by name, and writes a
 * checkpoint after each batch. One batch may have been committed without it: the first one behind the checkpoint of the
 * first file that is not wholly acknowledged. A checkpoint within a later file, which a copy taken at the wrong moment
 * can show, makes its next batch a candidate, too.
 */
function candidateBatches(drafts: readonly Draft[]): Map<Draft, number> {
  const drains = new Map<string, Draft[]>()
  for (const draft of drafts) {
    if (draft.kind === 'corrupt') continue
    const drain = drains.get(draft.drain) ?? []
    drain.push(draft)
    drains.set(draft.drain, drain)
  }
  const found = new Map<Draft, number>()
  let number = 0
  for (const drain of drains.values()) {
    drain.sort(
      (a, b) =>
        Number(inSegments(a.source.path)) - Number(inSegments(b.source.path)) ||
        Buffer.compare(a.source.path, b.source.path),
    )
    let front = true
    for (const draft of drain) {
      const { checkpoint, bytes } = draft
      if (checkpoint.state === 'unusable') {
        // obleth stops at a checkpoint that it cannot use, or moves the file aside: nothing behind it was drained.
        front = false
        continue
      }
      const done = checkpoint.state === 'at' && bytes !== null && checkpoint.offset === bytes
      if (done || bytes === 0) continue
      if (front || checkpoint.state === 'at') found.set(draft, ++number)
      // Of a compressed file only reading tells whether its checkpoint stands at its end.
      if (bytes !== null || checkpoint.state !== 'at') front = false
    }
  }
  return found
}

/** Plain files by time across all pods, legacy files first; the members of an archive together, in its order. */
function readingOrder(drafts: readonly Draft[]): Draft[] {
  const plain = drafts.filter(({ locator }) => locator.via === 'file')
  const packed = drafts.filter(({ locator }) => locator.via === 'tar')
  plain.sort(
    (a, b) => (a.createdMs ?? 0) - (b.createdMs ?? 0) || compareText(a.pod, b.pod) || compareText(a.path, b.path),
  )
  return [...plain, ...packed]
}

const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

function livePods(drafts: readonly Draft[]): { pod: string; reason: string }[] {
  const now = Date.now()
  const latest = new Map<string, number>()
  for (const { pod, source } of drafts)
    if (source.modifiedMs !== null) latest.set(pod, Math.max(latest.get(pod) ?? 0, source.modifiedMs))
  return [...latest]
    .filter(([, modified]) => now - modified < LIVE_MS)
    .map(([pod, modified]) => ({ pod, reason: `written to ${Math.max(0, Math.round((now - modified) / 1000))} s ago` }))
}
