import type { Compression, WalFileKind } from '../domain/wal.js'
import { lastComponent, parent } from './names.js'

/**
 * What a name says of a file in a WAL tree (layout: obleth's WAL, see its `wal.rs`). `packed`: a WAL by its name, in a
 * format that is not read here.
 */
export type Role =
  | WalFileKind
  | 'half_made'
  | 'checkpoint'
  | 'unfinished_checkpoint'
  | 'ignored'
  | 'archive'
  | 'packed'
  | 'other'

/** Names in one folder, a byte per character, those of folders with a slash at their end: at least checkpoints and `.segments/`. */
export type Beside = Pick<ReadonlySet<string>, 'has'>

const SEGMENT = /^(\d{20})-[^/]+\.jsonl$/
const ARCHIVE = /\.(tar|tar\.gz|tgz|tar\.zst|tzst)$/i
const PACKED = /\.(wal|jsonl|corrupt|tar)\.(bz2|xz|lz4|lz|br|z|zip|7z)$|\.t(bz2?|xz)$/i
const COMPRESSED = /\.(gz|zst)$/i
const NS_PER_MS = 1_000_000n
const NOTHING: Beside = new Set<string>()

/**
 * The role of a file by its path and by what stands beside it. Read as WAL: `<name>.segments/*.jsonl`, `*.wal` and
 * `*.jsonl` elsewhere, any `<name>` beside `<name>.segments/` or `<name>.offset` (obleth takes any path for its WAL),
 * each with `.gz` or `.zst` or not, and `.corrupt` files.
 */
export function roleOf(path: Buffer, beside: Beside = NOTHING): Role {
  const full = nameOf(path)
  if (full === 'obleth-ledger-bundle.partial') return 'half_made'
  if (full.startsWith('obleth-ledger-bundle.')) return 'ignored'
  if (ARCHIVE.test(full)) return 'archive'
  const name = formerName(full)
  if (name.endsWith('.offset.tmp')) return 'unfinished_checkpoint'
  if (name.endsWith('.corrupt.offset')) return 'ignored'
  if (name.endsWith('.offset')) return 'checkpoint'
  if (name.endsWith('.corrupt')) return 'corrupt'
  if (name.endsWith('.jsonl')) return inSegments(path) || SEGMENT.test(name) ? 'segment' : 'legacy'
  if (name.endsWith('.wal')) return 'legacy'
  if (beside.has(`${name}.segments/`) || checkpointNames(full).some((sidecar) => beside.has(sidecar))) return 'legacy'
  return PACKED.test(full) ? 'packed' : 'other'
}

export function isWal(role: Role): role is WalFileKind {
  return role === 'legacy' || role === 'segment' || role === 'corrupt'
}

/**
 * Names under which the checkpoint of a file may stand beside it, likeliest first: a file that was compressed later keeps
 * the one of its former name, and a whole tree may have been compressed, sidecars too.
 */
export function checkpointNames(name: string): string[] {
  const former = formerName(name)
  return [...new Set([`${name}.offset`, `${former}.offset`, `${former}.offset.gz`, `${former}.offset.zst`])]
}

/** Unix ms of a segment's creation, from the nanoseconds in its name; null where it has none. */
export function createdMs(path: Buffer): number | null {
  const match = SEGMENT.exec(formerName(nameOf(path)).replace(/\.corrupt$/, ''))
  return match === null ? null : Number(BigInt(match[1]) / NS_PER_MS)
}

/** The folder of the pod that a WAL file belongs to: the one that holds `<name>` and `<name>.segments`. */
export function podFolder(path: Buffer): Buffer {
  return inSegments(path) ? parent(parent(path)) : parent(path)
}

function inSegments(path: Buffer): boolean {
  return nameOf(parent(path)).endsWith('.segments')
}

/** How a file is compressed, archives included, by its name. */
export function compressionOf(path: Buffer): Compression {
  const name = nameOf(path)
  return /\.t?gz$/i.test(name) ? 'gzip' : /\.t?zst$/i.test(name) ? 'zstd' : 'none'
}

const formerName = (name: string) => name.replace(COMPRESSED, '')

/** A byte per character, so that names stay different that only differ in bytes that are no UTF-8. */
function nameOf(path: Buffer): string {
  return lastComponent(path).toString('latin1')
}
