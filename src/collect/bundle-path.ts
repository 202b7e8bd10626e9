import { createHash } from 'node:crypto'
import type { WalFile } from '../domain/wal.js'
import { OWN_NAMES } from './names.js'

/** Of a name: file systems take 255, and `.offset` comes behind it. */
const MOST_NAME_BYTES = 200
/** Of a path: a key of a bucket may have 1,024, those before the bundle included. */
const MOST_PATH_BYTES = 700
const WAL_NAME = /\.(wal|jsonl|corrupt)$/
const FILE_NAME = /\.(wal|jsonl|corrupt|offset)$/

/**
 * Where a file stands in a bundle: in a folder for its pod, as obleth lays a pod's WAL out, so that the bundle is a source
 * like any other folder. Names come from outside: what could leave the folder, or steer a terminal, is percent-encoded,
 * and so is the percent sign, lest two pods share a folder. A file has a name by which it is read as a WAL again, and no
 * folder has one that a file may have: archives and buckets can hold both under one name. What is too long ends in a hash.
 */
export function bundlePath({ pod, path }: Pick<WalFile, 'pod' | 'path'>): string {
  const parts = path.split('/')
  const name = fileName((parts.at(-1) ?? '').replace(/\.(gz|zst)$/i, ''))
  const folder = parts.at(-2) ?? ''
  const within = folder.endsWith('.segments') ? [shortened(safeName(folder)), name] : [name]
  const whole = [...pod.split('/').map(folderName), ...within].join('/')
  return Buffer.byteLength(whole) <= MOST_PATH_BYTES ? whole : [`%${hashOf(pod)}`, ...within].join('/')
}

/** Where a file stands that has another content than the one of its name. */
export function copyPath(path: string, sha256: string): string {
  return `other-copies/${sha256.slice(0, 16)}/${path}`
}

function fileName(name: string): string {
  return shortened(safeName(WAL_NAME.test(name) ? name : `${name}.wal`))
}

function folderName(name: string): string {
  return shortened(safeName(name).replace(FILE_NAME, '%2E$1'))
}

function shortened(name: string): string {
  if (Buffer.byteLength(name) <= MOST_NAME_BYTES) return name
  const ending = /\.[a-z]{1,20}$/.exec(name)?.[0] ?? ''
  // By characters of up to four bytes.
  return `${Array.from(name).slice(0, 40).join('')}%${hashOf(name)}${ending}`
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16)

function safeName(name: string): string {
  // Nothing else becomes a lone percent sign.
  if (name === '') return '%'
  if (/^\.+$/.test(name)) return name.replaceAll('.', '%2E')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const safe = name.replace(/[%\\\u0000-\u001f\u007f]/g, (character) => encodeURIComponent(character))
  return safe.startsWith(OWN_NAMES) ? safe.replace('.', '%2E') : safe
}
