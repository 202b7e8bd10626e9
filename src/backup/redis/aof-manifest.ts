import { LedgerError } from '../../domain/errors.js'
import { printable } from '../../domain/printable.js'

/** A file of an AOF: the base that all rests on, or an increment behind it. */
export interface AofFile {
  readonly name: string
  readonly seq: number
  readonly type: 'base' | 'incr'
}

const TYPES = new Map([
  ['b', 'base'],
  ['i', 'incr'],
  ['h', 'history'],
] as const)
/** A plain name of one part: what the server would have to quote, or what leads elsewhere, is no name of an AOF file here. */
const NAME = /^[A-Za-z0-9_+@=,%~-][A-Za-z0-9._+@=,%~-]*$/
/** More than any manifest; each rewrite of a server that cannot finish one adds a line. */
const MOST_BYTES = 1 << 20

/**
 * The files that a server loads, in their order. What it has done with (history) is left out: it may be gone at any moment.
 *
 * @param place where the manifest stands, for messages
 * @throws LedgerError `verification_failed` naming the line that is no line of a manifest
 */
export function parseAofManifest(text: string, place: string): AofFile[] {
  const refuse = (why: string) => damaged(why, place)
  if (text.length > MOST_BYTES) throw refuse('it is too long')
  const files: AofFile[] = []
  for (const [n, line] of text.split('\n').entries()) {
    if (line === '' || line.startsWith('#')) continue
    const file = readLine(line.trimEnd())
    if (file === null) throw refuse(`line ${n + 1} is none of it: ${printable(line.slice(0, 200))}`)
    if (file.type !== 'history') files.push({ ...file, type: file.type })
  }
  const increments = files.filter(({ type }) => type === 'incr')
  if (files.length === 0) throw refuse('it names no file')
  if (files.length - increments.length > 1) throw refuse('it names two base files')
  if (increments.some(({ seq }, n) => n > 0 && seq <= increments[n - 1].seq)) throw refuse('its order is wrong')
  if (new Set(files.map(({ name }) => name)).size < files.length) throw refuse('it names a file twice')
  return files.sort((a, b) => Number(a.type === 'incr') - Number(b.type === 'incr'))
}

function readLine(line: string): (Omit<AofFile, 'type'> & { type: AofFile['type'] | 'history' }) | null {
  const words = line.split(' ')
  const pairs = new Map<string, string>()
  for (let n = 0; n + 1 < words.length; n += 2) pairs.set(words[n], words[n + 1])
  const name = pairs.get('file') ?? ''
  const seq = pairs.get('seq') ?? ''
  const type = TYPES.get((pairs.get('type') ?? '') as 'b' | 'i' | 'h')
  if (words.length % 2 !== 0 || pairs.size * 2 !== words.length || !NAME.test(name)) return null
  if (!/^[1-9]\d{0,14}$/.test(seq) || type === undefined) return null
  return { name, seq: Number(seq), type }
}

/** The text of a manifest that names these files. */
export function renderAofManifest(files: readonly AofFile[]): string {
  return files.map(({ name, seq, type }) => `file ${name} seq ${seq} type ${type === 'base' ? 'b' : 'i'}\n`).join('')
}

/** Whether a setting of the server can be the name of its AOF, of its folder or of its snapshot, and nothing else. */
export const isPlainName = (name: string): boolean => NAME.test(name)

function damaged(why: string, place: string): LedgerError {
  return new LedgerError('verification_failed', `the manifest of the AOF cannot be used: ${why}`, {
    place: printable(place),
    hint: "look at the server's log; a backup without --redis-data-dir takes the snapshot alone",
  })
}
