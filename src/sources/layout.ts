import type { WalFileKind } from '../domain/wal.js'
import { displayPath, lastComponent, parent } from './names.js'

/** What a name says of a file in a WAL tree (layout: obleth's WAL, see its `wal.rs`). */
export type Role = WalFileKind | 'checkpoint' | 'ignored' | 'archive' | 'other'

const SEGMENT = /^(\d{20})-[^/]+\.jsonl$/
const NS_PER_MS = 1_000_000n

/**
 * The role of a file by its path. Read as WAL: `<name>.segments/*.jsonl`, `*.wal` and `*.jsonl` elsewhere, each with
 * `.gz` or not, and their `.corrupt` siblings. A file that the user names is read whatever its name (`explicit`).
 */
export function roleOf(path: Buffer, explicit: boolean): Role {
  const name = plainName(path)
  if (/\.(tar|tar\.gz|tgz)$/i.test(displayPath(lastComponent(path)))) return 'archive'
  if (name.endsWith('.offset.tmp') || name.endsWith('.corrupt.offset')) return 'ignored'
  if (name.endsWith('.offset')) return 'checkpoint'
  if (name.endsWith('.corrupt')) return 'corrupt'
  if (inSegments(path) && name.endsWith('.jsonl')) return 'segment'
  if (name.endsWith('.wal') || name.endsWith('.jsonl')) return SEGMENT.test(name) ? 'segment' : 'legacy'
  return explicit ? 'legacy' : 'other'
}

/** Unix ms of a segment's creation, from the nanoseconds in its name; null where it has none. */
export function createdMs(path: Buffer): number | null {
  const match = SEGMENT.exec(plainName(path).replace(/\.corrupt$/, ''))
  return match === null ? null : Number(BigInt(match[1]) / NS_PER_MS)
}

/** The folder of the pod that a WAL file belongs to: the one that holds `<name>` and `<name>.segments`. */
export function podFolder(path: Buffer): Buffer {
  return inSegments(path) ? parent(parent(path)) : parent(path)
}

export function inSegments(path: Buffer): boolean {
  return displayPath(lastComponent(parent(path))).endsWith('.segments')
}

export function isGzip(path: Buffer): boolean {
  return /\.gz$/i.test(displayPath(lastComponent(path)))
}

function plainName(path: Buffer): string {
  return displayPath(lastComponent(path)).replace(/\.gz$/i, '')
}
