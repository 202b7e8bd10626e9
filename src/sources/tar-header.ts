/** What a header block of an archive says (POSIX ustar and pax, GNU). Names are bytes. */
export interface TarHeader {
  readonly name: Buffer
  /** `file`, `folder`, an extension of the next header, or a word for something else. */
  readonly type: string
  /** Bytes that follow, without padding. */
  readonly size: number
  readonly modifiedMs: number
  /** GNU sparse: more header blocks follow. */
  readonly continued: boolean
}

export const BLOCK = 512

const TYPES: Record<string, string> = {
  '\0': 'file',
  '0': 'file',
  '7': 'file',
  '1': 'hard link',
  '2': 'symbolic link',
  '3': 'character device',
  '4': 'block device',
  '5': 'folder',
  '6': 'FIFO',
  S: 'sparse file',
  x: 'pax',
  g: 'pax for all',
  L: 'long name',
  K: 'long link',
}
const WITHOUT_CONTENT = /^[1-6]$/

/** Decodes a header; null where its checksum says that it is none. */
export function readHeader(block: Buffer): TarHeader | null {
  const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0)
  if (number(block, 148, 8) !== sum) return null
  const flag = String.fromCharCode(block[156])
  const posix = block.toString('latin1', 257, 263) === 'ustar\0'
  const prefix = posix ? text(block, 345, 155) : Buffer.alloc(0)
  const last = text(block, 0, 100)
  const name = prefix.length === 0 ? last : Buffer.concat([prefix, Buffer.from('/'), last])
  const type = TYPES[flag] ?? `member of type ${JSON.stringify(flag)}`
  return {
    name: Buffer.from(name),
    type,
    size: WITHOUT_CONTENT.test(flag) ? 0 : number(block, 124, 12),
    modifiedMs: wholeOr0(number(block, 136, 12) * 1000),
    continued: flag === 'S' && block[482] === 1,
  }
}

/** Times come from outside, too: one that is none must not end in a manifest. */
const wholeOr0 = (ms: number): number => (Number.isSafeInteger(ms) ? ms : 0)

/** The records of a pax header, values as bytes; null where they are damaged. */
export function readPax(body: Buffer): Map<string, Buffer> | null {
  const records = new Map<string, Buffer>()
  for (let at = 0; at < body.length; ) {
    const space = body.indexOf(0x20, at)
    const length = Number(body.toString('latin1', at, Math.max(at, space)))
    const equals = body.indexOf(0x3d, space)
    const end = at + length
    if (!(length > 0) || end > body.length || body[end - 1] !== 0x0a || equals < 0 || equals >= end) return null
    records.set(body.toString('utf8', space + 1, equals), body.subarray(equals + 1, end - 1))
    at = end
  }
  return records
}

export function text(block: Buffer, at: number, length: number): Buffer {
  const field = block.subarray(at, at + length)
  const end = field.indexOf(0)
  return end < 0 ? field : field.subarray(0, end)
}

/** Octal digits, or, where the first bit is set, a big-endian number (GNU). */
function number(block: Buffer, at: number, length: number): number {
  if (block[at] & 0x80) {
    let value = block[at] & 0x7f
    for (let i = 1; i < length; i++) value = value * 256 + block[at + i]
    return value
  }
  return Number.parseInt(text(block, at, length).toString('latin1').trim() || '0', 8)
}
