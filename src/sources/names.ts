import { basename } from 'node:path'

const SLASH = 0x2f

/** A path for people and reports: itself where it is UTF-8, otherwise percent-encoded with `pct:` in front. */
export function displayPath(path: Buffer): string {
  const text = path.toString('utf8')
  if (Buffer.from(text, 'utf8').equals(path)) return text
  let out = 'pct:'
  for (const byte of path)
    out +=
      byte >= 0x21 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).padStart(2, '0').toUpperCase()}`
  return out
}

export function lastComponent(path: Buffer): Buffer {
  return path.subarray(path.lastIndexOf(SLASH) + 1)
}

/** What is before the last component, without the slash; empty where there is nothing. */
export function parent(path: Buffer): Buffer {
  return path.subarray(0, Math.max(0, path.lastIndexOf(SLASH)))
}

export function join(a: Buffer, b: Buffer): Buffer {
  if (a.length === 0 || b.length === 0) return a.length === 0 ? b : a
  return Buffer.concat([a, Buffer.from('/'), b])
}

/** Path of an archive's member with what could leave a folder taken out; null where nothing is left. */
export function memberPath(name: Buffer): { path: Buffer; changed: boolean } | null {
  const parts: Buffer[] = []
  let changed = name[0] === SLASH
  for (let start = 0; start <= name.length; ) {
    const slash = name.indexOf(SLASH, start)
    const end = slash < 0 ? name.length : slash
    const part = name.subarray(start, end)
    if (part.equals(Buffer.from('..'))) changed = true
    else if (part.length > 0 && !part.equals(Buffer.from('.'))) parts.push(part)
    start = end + 1
  }
  if (parts.length === 0) return null
  return { path: Buffer.concat(parts.flatMap((part, at) => (at === 0 ? [part] : [Buffer.from('/'), part]))), changed }
}

/** Name of a file without the endings of archives and compression. */
export function archiveName(path: string): string {
  return basename(path).replace(/\.(tar\.gz|tgz|tar\.zst|tzst|tar|gz|zst)$/i, '')
}
