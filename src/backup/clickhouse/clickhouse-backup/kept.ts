import { z } from 'zod'
import type { BackupContents } from '../../../domain/backup.js'
import { LedgerError } from '../../../domain/errors.js'
import { printable } from '../../../domain/printable.js'
import type { Listed, Where } from './listed.js'
import type { Program } from './program.js'

/** Where clickhouse-backup keeps a backup of ours. */
export interface Kept {
  readonly name: string
  readonly where: Where
  /** Database of the snapshot, whose tables it holds. */
  readonly database: string
}

/** From a manifest, which comes from outside: nothing in it can be taken for a flag, or leave the URL. */
const facts = z.object({
  backup: z.string().regex(/^obleth-ledger-\d{8}T\d{6}Z-[0-9a-f]{6}$/),
  kept: z.enum(['local', 'remote']),
  database: z.string().regex(/^[A-Za-z0-9_]{1,64}$/),
})

/** @throws LedgerError `state_damaged` where a manifest does not tell */
export function keptIn({ facts: told }: BackupContents): Kept {
  const read = facts.safeParse(told)
  if (read.success) return { name: read.data.backup, where: read.data.kept, database: read.data.database }
  throw new LedgerError('state_damaged', 'the manifest does not tell where clickhouse-backup keeps the backup', {
    hint: 'obleth-ledger backups list shows which backups there are: use another one',
  })
}

/**
 * Its name there.
 *
 * @param folder of our backup, `clickhouse/20260311T020000Z-1a2b3c`
 */
export const nameOf = (folder: string): string => `obleth-ledger-${folder.slice(folder.lastIndexOf('/') + 1)}`

/**
 * The backup of this name, proven to be sound by the list alone.
 *
 * @throws LedgerError `source_not_found`, `verification_failed` where it is broken
 */
export async function findKept(program: Program, where: Where, name: string, signal: AbortSignal): Promise<Listed> {
  const found = (await program.list(where, signal)).find((listed) => listed.name === name)
  const place = `${program.place}, ${where}`
  if (found === undefined)
    throw new LedgerError('source_not_found', `clickhouse-backup has no ${where} backup ${name}`, {
      place,
      hint: 'somebody else has deleted it, such as its own retention (backups_to_keep_local, _remote); obleth-ledger backups list shows others',
    })
  if (found.broken === null) return found
  throw new LedgerError('verification_failed', `the ${where} backup ${name} is broken: ${printable(found.broken)}`, {
    place,
    hint: 'see what clickhouse-backup logs; obleth-ledger backups list shows other backups',
  })
}

export async function deleteKept(program: Program, name: string, signal: AbortSignal): Promise<void> {
  for (const where of ['local', 'remote'] as const)
    if ((await program.list(where, signal)).some((listed) => listed.name === name))
      await program.delete(where, name, signal)
}
