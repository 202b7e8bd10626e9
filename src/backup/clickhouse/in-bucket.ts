import type { BackupContents, Encryption } from '../../domain/backup.js'
import { LedgerError } from '../../domain/errors.js'
import { identifier, literal } from '../../ledger/identifiers.js'
import { isS3 } from '../storage/open.js'
import type { BackupWriter } from '../writer.js'
import { assertListed, LIST_FILE } from './engine-files.js'
import { carryOut } from './statement.js'
import type { Saved, Saving } from './tool.js'

/** Folder of a backup that the server writes to and reads from by itself. */
const FOLDER = 'native'

/** True for a file that nobody needs on this machine. */
export const isInBucket = (name: string): boolean => name.startsWith(`${FOLDER}/`)

/** Where a server finds a backup that it has written into the bucket: a named collection of its own, and a path below its URL. */
export interface InBucket {
  readonly collection: string
  readonly path: string
}

/** Null for a backup that lies elsewhere. */
export function inBucket({ facts }: BackupContents): InBucket | null {
  const { collection, path } = facts
  return typeof collection === 'string' && typeof path === 'string' ? { collection, path } : null
}

/** As BACKUP and RESTORE take it. The collection holds URL and credentials, so that no statement, log or error has them. */
export const s3Of = ({ collection, path }: InBucket): string => `S3(${identifier(collection)}, ${literal(path)})`

/**
 * Lets the server write its backup straight into the bucket of ours, below the folder of this backup; then reads all of it,
 * and compares it with the engine's own list.
 *
 * @param statement BACKUP without its destination
 * @throws LedgerError `usage` where backups are kept elsewhere or encrypted, `config` where the collection leads elsewhere
 */
export async function saveInBucket(
  { ledger, from }: Saving,
  statement: string,
  collection: string,
  writer: BackupWriter,
): Promise<Saved> {
  refuseOther(writer.place, writer.encryption)
  const path = `${writer.folder}/${FOLDER}`
  await carryOut(ledger, from, `${statement} TO ${s3Of({ collection, path })}`, writer.signal)
  const found = await writer.adopt(FOLDER)
  if (found.size === 0) throw elsewhere(collection, path, writer.place)
  await assertListed(writer.read(`${path}/${LIST_FILE}`), async (file) => found.get(file), `${writer.place}/${path}`)
  const note = `the server wrote its rows into the bucket by itself, by its collection ${collection}; this tool does not encrypt them`
  return { programs: {}, facts: { disk: null, collection, path }, notes: [note], seen: true }
}

function refuseOther(place: string, encryption: Encryption): void {
  if (!isS3(place))
    throw new LedgerError('usage', 'a server writes by itself only into a bucket, and backups are kept elsewhere', {
      place,
      hint: 'name the bucket with --backups s3://bucket/prefix, the URL of the collection',
    })
  if (encryption !== 'none')
    throw new LedgerError('usage', 'what the server writes into the bucket by itself cannot be encrypted here', {
      place,
      hint: 'let the bucket encrypt it and leave out the key, or use --clickhouse-backup-folder',
    })
}

function elsewhere(collection: string, path: string, place: string): LedgerError {
  return new LedgerError('config', `the server has written its backup, and it is not in ${place}`, {
    place,
    hint: `give the collection ${collection} the URL of just that place, and remove ${path} from where it leads now`,
  })
}
