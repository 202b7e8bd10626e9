import { closeSync, fsyncSync, openSync } from 'node:fs'

/** Makes the names in a directory last through a loss of power: a rename or a new file is only then on disk. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
