import type { FileHandle } from 'node:fs/promises'

/** What a log of commands holds up to where it was read. */
export interface ScannedAof {
  readonly bytes: number
  /** Bytes of it that a server can load: up to the end of the last whole command, or transaction. */
  readonly wholeBytes: number
  /** Whole commands. */
  readonly commands: number
  /** cut: it ends within a command, as after a crash. damaged: what follows `wholeBytes` is none. */
  readonly state: 'whole' | 'cut' | 'damaged'
}

const CHUNK_BYTES = 1 << 20
/** Of `*3`, `$12` and a note such as `#TS:1700000000`. */
const LONGEST_LINE_BYTES = 128
const MOST_ARGUMENTS = 1 << 20
const CR = 0x0d
const LF = 0x0a
const NOTE = '#'

/** Reads the commands in the first `bytes` of a file: each `*n`, then n times `$length` and so many bytes. */
export async function scanAof(handle: FileHandle, bytes: number): Promise<ScannedAof> {
  const input = new Input(handle, bytes)
  let wholeBytes = 0
  let commands = 0
  // A transaction counts when it is carried out, not before.
  let waiting: number | null = null
  const found = (state: ScannedAof['state']) => ({ bytes, wholeBytes, commands, state })
  for (;;) {
    if (input.at === bytes) return found(waiting === null ? 'whole' : 'cut')
    const name = await readCommand(input)
    if (name === 'cut' || name === 'damaged') return found(name)
    if (name === NOTE) {
      if (waiting === null) wholeBytes = input.at
      continue
    }
    // Within a transaction there is no beginning of one, and without it no end.
    if (name === (waiting === null ? '=EXEC' : '=MULTI')) return found('damaged')
    if (name === '=MULTI') waiting = 0
    if (waiting !== null) waiting++
    if (waiting !== null && name !== '=EXEC') continue
    commands += waiting ?? 1
    waiting = null
    wholeBytes = input.at
  }
}

/** The name of the next command behind `=`, or what stands there instead. */
async function readCommand(input: Input): Promise<string> {
  const line = await input.line()
  if (line === 'cut' || line === 'damaged') return line
  if (line.startsWith(NOTE)) return NOTE
  const count = numberBehind('*', line)
  if (count === null || count === 0 || count > MOST_ARGUMENTS) return 'damaged'
  let name = ''
  for (let n = 0; n < count; n++) {
    const header = await input.line()
    if (header === 'cut' || header === 'damaged') return header
    const length = numberBehind('$', header)
    if (length === null) return 'damaged'
    const argument = await input.argument(length, n === 0)
    if (argument === 'cut' || argument === 'damaged') return argument
    if (n === 0) name = argument.toUpperCase()
  }
  return name
}

function numberBehind(mark: string, line: string): number | null {
  return line[0] === mark && /^\d{1,10}$/.test(line.slice(1)) ? Number(line.slice(1)) : null
}

/** A file read forward in pieces; the bytes of arguments are passed over, whatever their length. */
class Input {
  at = 0
  private piece: Buffer = Buffer.alloc(0)
  private pieceAt = 0

  constructor(
    private readonly handle: FileHandle,
    private readonly end: number,
  ) {}

  /** Up to the next CR LF, without it. */
  async line(): Promise<string> {
    const bytes = await this.peek(LONGEST_LINE_BYTES)
    const end = bytes.indexOf('\r\n')
    if (end >= 0) {
      this.at += end + 2
      return bytes.toString('latin1', 0, end)
    }
    const lineOfOurs = /^[*$]\d{0,10}\r?$|^#[\x20-\x7e]*\r?$/.test(bytes.toString('latin1'))
    return lineOfOurs && bytes.length < LONGEST_LINE_BYTES ? 'cut' : 'damaged'
  }

  /** An argument and the CR LF behind it; its text behind `=` where asked for, and short enough to be a command's name. */
  async argument(length: number, wanted: boolean): Promise<string> {
    const name = wanted && length <= LONGEST_LINE_BYTES ? (await this.peek(length)).toString('latin1') : ''
    if (this.at + length + 2 > this.end) {
      this.at = Math.min(this.at + length, this.end)
      const rest = await this.peek(1)
      return rest.length === 0 || rest[0] === CR ? 'cut' : 'damaged'
    }
    this.at += length
    const [cr, lf] = await this.peek(2)
    this.at += 2
    return cr === CR && lf === LF ? `=${name}` : 'damaged'
  }

  /** At most so many of the next bytes; fewer only at the end. */
  private async peek(most: number): Promise<Buffer> {
    const wanted = Math.min(most, this.end - this.at)
    const from = this.at - this.pieceAt
    if (from >= 0 && from + wanted <= this.piece.length) return this.piece.subarray(from, from + wanted)
    const piece = Buffer.alloc(Math.min(CHUNK_BYTES, this.end - this.at))
    const { bytesRead } = await this.handle.read(piece, 0, piece.length, this.at)
    this.piece = piece.subarray(0, bytesRead)
    this.pieceAt = this.at
    return this.piece.subarray(0, most)
  }
}
