import type { VerifyOutcome } from '../domain/collect.js'
import { LedgerError } from '../domain/errors.js'
import type { InputOptions } from '../domain/options.js'
import { printable } from '../domain/printable.js'
import { shellLine } from '../domain/shell-line.js'
import { openStore } from './open-store.js'

/**
 * Proves the bundles among source arguments before anything is made of them: a flipped byte may be a digit of somebody's
 * bill. Reads each of their files once more. Throws `refused` where one is not what its manifest says, or is half made.
 * @returns files that are there only in part, as collect found them, and why
 */
export async function assertBundles(
  { sources, s3, stateDir, concurrency }: Pick<InputOptions, 'sources' | 's3' | 'stateDir' | 'concurrency'>,
  signal: AbortSignal,
): Promise<Pick<VerifyOutcome, 'incomplete'>> {
  const options = { s3, stateDir, concurrency, bytesPerSecond: undefined }
  const partial: { path: string; reason: string }[] = []
  for (const source of sources) {
    const store = openStore(source, options, signal)
    if (!(await store.isBundle())) continue
    // Here alone, so that other runs do not load it.
    const { verify } = await import('./verify.js')
    const { differences, incomplete } = await verify(source, options, signal)
    partial.push(...incomplete)
    if (differences.length === 0) continue
    const [{ path, reason }] = differences
    throw new LedgerError(
      'refused',
      `${differences.length} files of the bundle are not what its manifest says: ${reason}`,
      {
        place: printable(`${store.place}/${path}`),
        hint: `${printable(shellLine(['obleth-ledger', 'collect', '--verify', '--to', source]))} names them all; remove these and collect again, or name the sound folders in it`,
      },
    )
  }
  return { incomplete: partial }
}
