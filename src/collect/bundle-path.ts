import type { WalFile } from '../domain/wal.js'
import { OWN_NAMES } from './names.js'

/**
 * Where a file stands in a bundle: in a folder for its pod, as obleth lays a pod's WAL out, so that the bundle is a source
 * like any other folder. Names come from outside: what could leave the folder, or steer a terminal, is percent-encoded,
 * and so is the percent sign, lest two pods share a folder.
 */
export function bundlePath({ pod, path }: Pick<WalFile, 'pod' | 'path'>): string {
  const parts = path.split('/')
  const name = (parts.at(-1) ?? '').replace(/\.(gz|zst)$/i, '')
  const folder = parts.at(-2) ?? ''
  const within = folder.endsWith('.segments') ? [folder, name] : [name]
  return [...pod.split('/'), ...within].map(safeName).join('/')
}

/** Where a file stands that has another content than the one of its name. */
export function copyPath(path: string, sha256: string): string {
  return `other-copies/${sha256.slice(0, 16)}/${path}`
}

function safeName(name: string): string {
  // Nothing else becomes a lone percent sign.
  if (name === '') return '%'
  if (name.startsWith(OWN_NAMES)) return name.replace('.', '%2E')
  if (/^\.+$/.test(name)) return name.replaceAll('.', '%2E')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return name.replace(/[%\\\u0000-\u001f\u007f]/g, (character) => encodeURIComponent(character))
}
