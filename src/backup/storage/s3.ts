import { LedgerError } from '../../domain/errors.js'
import type { S3Options } from '../../domain/options.js'
import { Pace } from '../../domain/pace.js'
import { printable } from '../../domain/printable.js'
import { S3Files } from '../../s3/files.js'
import { assertPath } from './paths.js'
import type { Storage } from './storage.js'

/** Bounds what an upload holds in memory: a quarter of the parts that may be under way, some 70 MiB. */
const UPLOADS_AT_ONCE = 4

/** Backups below a prefix of a bucket. */
export function s3Storage(url: string, s3: S3Options): Storage {
  // How fast it may go is decided where backups are written, for every storage alike.
  const files = (signal: AbortSignal) => new S3Files(url, s3, new Pace(undefined, signal), UPLOADS_AT_ONCE, signal)
  const place = files(new AbortController().signal).placeOf('').replace(/\/+$/, '')
  const safe = (path: string) => {
    assertPath(path, place)
    return path
  }
  return {
    place: printable(place),
    encryption: s3.encryption ?? null,

    async write(path, chunks, signal) {
      await files(signal).stream(safe(path), stoppable(chunks, signal))
    },

    async *read(path, signal) {
      const open = files(signal)
      const there = await open.look(safe(path))
      if (there === null)
        throw new LedgerError('source_not_found', 'the file is not there', {
          place: printable(open.placeOf(path)),
          hint: 'obleth-ledger backups list shows which backups are complete',
        })
      yield* open.read(path, there)
    },

    async *list(prefix, signal) {
      const found = await files(signal).list(prefix)
      for (const path of [...found.keys()].sort()) {
        const kept = found.get(path)
        if (kept !== undefined) yield { path, bytes: kept.bytes, modifiedMs: kept.modifiedMs }
      }
    },

    async remove(path, signal) {
      await files(signal).delete(safe(path))
    },

    async abandon(prefix, signal) {
      await files(signal).abortUploads(prefix)
    },
  }
}

async function* stoppable(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncIterable<Uint8Array> {
  for await (const chunk of chunks) {
    signal.throwIfAborted()
    yield chunk
  }
}
