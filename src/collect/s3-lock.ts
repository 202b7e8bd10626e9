import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import { type Holder, readHolder, thisHolder } from '../pipeline/lock-holder.js'
import type { S3Files } from '../s3/files.js'
import { LOCK } from './names.js'

/**
 * Takes the lock of a bundle in a bucket: an object that is only written where there is none, or in the place of that of a
 * process which is gone. On a store without conditional writes two that begin at the same moment may both think they have
 * it; `assertS3Lock` finds that before the manifest is written. Returns what stands in it. Throws `target_locked`.
 */
export async function acquireS3Lock(files: S3Files, breakLock: boolean): Promise<string> {
  const text = `${thisHolder()} ${new Date().toISOString()}\n`
  const there = await files.look(LOCK)
  const holder = there === null ? null : readHolder(await files.readText(LOCK, there))
  if (holder?.alive && !breakLock) throw locked(files, holder)
  try {
    await files.write(LOCK, text, there)
  } catch (error) {
    if (error instanceof LedgerError && error.code === 'refused') throw locked(files, null)
    throw error
  }
  return text
}

/** Throws `target_locked` where the lock holds another text by now, or is gone. */
export async function assertS3Lock(files: S3Files, text: string): Promise<void> {
  const there = await files.look(LOCK)
  const found = there === null ? null : await files.readText(LOCK, there)
  if (found !== text) throw locked(files, found === null ? null : readHolder(found))
}

/** Removes the lock where it is still this one. */
export async function releaseS3Lock(files: S3Files, text: string): Promise<void> {
  const there = await files.look(LOCK)
  if (there !== null && (await files.readText(LOCK, there)) === text) await files.delete(LOCK)
}

function locked(files: S3Files, holder: Holder | null): LedgerError {
  const who = holder === null ? 'another collect' : `process ${holder.pid} on ${printable(holder.host)}`
  return new LedgerError('target_locked', `the bundle is in use by ${who}`, {
    place: printable(files.placeOf(LOCK)),
    hint: 'wait until it has ended, then run the same command again; if it cannot be alive, add --break-lock',
  })
}
