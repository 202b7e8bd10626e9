import { createReadStream } from 'node:fs'
import { link, mkdir, open, readdir, rm, rmdir, stat } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { LedgerError } from '../../domain/errors.js'
import { printable } from '../../domain/printable.js'
import { writeError } from '../../domain/write-error.js'
import { assertPath } from './paths.js'
import type { Storage, StoredFile } from './storage.js'

const HINT = 'free some space, or name another place with --backups; earlier backups are as they were'

/** Backups in a folder of this machine: files 0600, folders 0700, on disk when a write returns. */
export function directoryStorage(folder: string): Storage {
  const root = resolve(folder)
  const place = printable(root)
  const at = (path: string) => {
    assertPath(path, root)
    return join(root, path)
  }
  return {
    place,
    encryption: null,

    async write(path, chunks, signal) {
      const file = at(path)
      const temporary = `${file}.obleth-ledger-${process.pid.toString(36)}`
      try {
        await mkdir(dirname(file), { recursive: true, mode: 0o700 })
        await writeWhole(temporary, chunks, signal)
        // Unlike a rename, a link never replaces a file.
        await link(temporary, file)
        await syncFolder(dirname(file))
      } catch (error) {
        throw told(error, file)
      } finally {
        await rm(temporary, { force: true })
      }
    },

    async *read(path, signal) {
      const file = at(path)
      try {
        for await (const chunk of createReadStream(file, { signal, highWaterMark: 1 << 20 })) yield chunk as Buffer
      } catch (error) {
        throw told(error, file)
      }
    },

    async *list(prefix, signal) {
      const names = await readdir(root, { recursive: true, withFileTypes: true }).catch((error) => {
        if (error.code === 'ENOENT') return []
        throw told(error, root)
      })
      const files = names
        .filter((entry) => entry.isFile())
        .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
        .filter((path) => path.startsWith(prefix))
        .sort()
      for (const path of files) {
        signal.throwIfAborted()
        const file = await storedFile(root, path)
        if (file !== null) yield file
      }
    },

    // What a killed process left is listed, and removed, like any other file.
    async abandon() {},

    async remove(path) {
      const file = at(path)
      await rm(file, { force: true })
      // Its folder goes with the last file in it.
      if (dirname(file) !== root) await rmdir(dirname(file)).catch(() => {})
    },
  }
}

async function writeWhole(file: string, chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
  const handle = await open(file, 'w', 0o600)
  try {
    for await (const chunk of chunks) {
      signal.throwIfAborted()
      for (let done = 0; done < chunk.length; ) done += (await handle.write(chunk, done)).bytesWritten
    }
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function storedFile(root: string, path: string): Promise<StoredFile | null> {
  const found = await stat(join(root, path)).catch(() => null)
  return found === null ? null : { path, bytes: found.size, modifiedMs: found.mtimeMs }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  await handle.sync().finally(() => handle.close())
}

function told(error: unknown, file: string): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException
  if (syscall === undefined) return error
  const place = printable(file)
  if (code === 'EEXIST')
    return new LedgerError('refused', 'there is a file of that name already: nothing was written over it', {
      place,
      hint: 'run the same command again: each backup gets a name of its own',
    })
  if (code === 'ENOENT')
    return new LedgerError('source_not_found', 'the file is not there', {
      place,
      hint: 'obleth-ledger backups list shows which backups are complete',
    })
  if (code === 'EACCES' || code === 'EPERM')
    return new LedgerError('access_denied', 'this user may not use the folder of the backups', {
      place,
      hint: 'run as the user who owns it, or name another place with --backups',
      cause: error,
    })
  if (code === 'ENOTDIR')
    return new LedgerError('config', 'this is no folder, so it cannot hold backups', {
      place,
      hint: 'name the folder, or s3://bucket/prefix, with --backups',
      cause: error,
    })
  if (syscall === 'read' || syscall === 'scandir')
    return new LedgerError('source_failed', `the backups cannot be read: ${String(error)}`, {
      place,
      hint: 'see whether the disk or the network folder is well, or name another place with --backups',
      cause: error,
    })
  return writeError('a file of the backup', place, error, HINT)
}
