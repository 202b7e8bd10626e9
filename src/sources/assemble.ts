import type { WalFile, WalFileKind, Warning } from '../domain/wal.js'
import { candidateBatches } from './candidates.js'
import { readCheckpoint } from './checkpoint.js'
import { createdMs, podFolder } from './layout.js'
import { livePods } from './live.js'
import { displayPath, join } from './names.js'
import type { FoundFile, Held } from './source.js'

/** Where obleth keeps its WAL within a container: says nothing about which pod an archive of it was made in. */
const OBLETHS_OWN_FOLDERS = new Set(['var/lib/obleth', 'tmp'])

export interface Assembled {
  readonly files: WalFile[]
  readonly pods: string[]
  readonly bytes: number
  readonly warnings: Warning[]
  /** Checkpoints that are there and cannot be read. */
  readonly unreadable: { path: string; reason: string }[]
  readonly live: { pod: string; reason: string }[]
}

interface Draft extends Omit<WalFile, 'index' | 'candidateBatch'> {
  readonly found: FoundFile
  readonly drain: string
  readonly running: string | undefined
  readonly order: Buffer
}

/** Puts found files together: pods, checkpoints, order of reading, candidate batches. */
export function assemble(held: readonly Held[]): Assembled {
  const warnings: Warning[] = []
  const unreadable: { path: string; reason: string }[] = []
  const drafts: Draft[] = []
  for (const { listing, holder } of held)
    for (const found of listing.files) {
      const { path, role, bytes, modifiedMs, version, locator } = found
      if (role === 'archive') continue
      const { checkpoint, warning } = readCheckpoint(found.checkpoint, bytes)
      if (warning !== null && checkpoint.state === 'unusable') {
        const sidecar = displayPath(pathIn(holder, found.checkpoint?.path ?? path))
        warnings.push({ class: warning, message: `checkpoint not used: ${checkpoint.reason}`, path: sidecar })
        if (found.checkpoint?.text === null) unreadable.push({ path: sidecar, reason: checkpoint.reason })
      }
      drafts.push({
        pod: podOf(holder, path),
        path: displayPath(pathIn(holder, path)),
        kind: role satisfies WalFileKind,
        bytes,
        createdMs: createdMs(path),
        checkpoint,
        modifiedMs,
        version,
        locator,
        found,
        drain: drainOf(holder, path),
        running: holder.running,
        order: path,
      })
    }
  const numbers = candidateBatches(drafts)
  const files = readingOrder(drafts).map((draft, index) => {
    const { found, drain, order, running, ...file } = draft
    return { ...file, index, candidateBatch: numbers.get(draft) ?? 0 }
  })
  const traces = drafts.map(({ pod, createdMs, modifiedMs, running }) => ({ pod, createdMs, modifiedMs, running }))
  const unfinished = held.flatMap(({ listing, holder }) => listing.unfinished.map((path) => podOf(holder, path)))
  return {
    files,
    pods: [...new Set(drafts.map(({ pod }) => pod))].sort(),
    bytes: drafts.reduce((sum, { found }) => sum + found.storedBytes, 0),
    warnings,
    unreadable,
    live: livePods(traces, unfinished, Date.now()),
  }
}

/** Path below the source's root, through the archive that holds it. */
function pathIn({ archive }: Held['holder'], path: Buffer): Buffer {
  return archive === null ? path : join(archive.path, path)
}

/**
 * The folder that holds the WAL, as from the source's root; at the root itself the name of folder or archive. Names of
 * archives are no part of it otherwise: what two archives hold of one pod is one pod.
 */
function podOf({ archive, fallbackPod }: Held['holder'], path: Buffer): string {
  const folder = podFolder(path)
  if (archive === null) return folder.length === 0 ? fallbackPod : displayPath(folder)
  const named = folder.length > 0 && !OBLETHS_OWN_FOLDERS.has(displayPath(folder))
  return displayPath(named ? join(archive.folder, folder) : archive.pod)
}

/** The same for all files of one pod's folder, whichever argument led to them; copies elsewhere drain for themselves. */
function drainOf({ root, archive }: Held['holder'], path: Buffer): string {
  const folder = podFolder(path)
  const holder = archive === null ? Buffer.from(root) : join(Buffer.from(root), archive.path)
  return (folder.length === 0 ? holder : join(holder, folder)).toString('latin1')
}

/** Plain files by time across all pods, legacy files first; the members of an archive together, in its order. */
function readingOrder(drafts: readonly Draft[]): Draft[] {
  const plain = drafts.filter(({ locator }) => locator.members.length === 0)
  const packed = drafts.filter(({ locator }) => locator.members.length > 0)
  plain.sort(
    (a, b) => (a.createdMs ?? 0) - (b.createdMs ?? 0) || compareText(a.pod, b.pod) || compareText(a.path, b.path),
  )
  return [...plain, ...packed]
}

const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
