import { z } from 'zod'

/** On the disk of the server, or in the remote storage that clickhouse-backup is configured for. */
export type Where = 'local' | 'remote'

/** A backup of clickhouse-backup, as it lists it. */
export interface Listed {
  readonly name: string
  readonly where: Where
  /** Bytes (REST API) or a text such as `all:1.21MiB,data:1.20MiB,…` (command line). */
  readonly size: number | string
  /** Backup without which this one cannot be restored; null for a full one. */
  readonly required: string | null
  /** Why it cannot be used; null for a sound one. */
  readonly broken: string | null
}

const where = z.enum(['local', 'remote'])

/** A row of `clickhouse-backup list -f json`: cmd and pkg/backup/list.go of clickhouse-backup 2.8. */
const printed = z
  .object({
    BackupName: z.string(),
    Size: z.string(),
    Description: z.string(),
    RequiredBackup: z.string(),
    Type: where,
  })
  .transform(({ BackupName, Size, Description, RequiredBackup, Type }) => {
    return listed(BackupName, Type, Size, RequiredBackup, Description)
  })

/** A row of `GET /backup/list`: pkg/server/server.go. */
const answered = z
  .object({
    name: z.string(),
    size: z.number().default(0),
    location: where,
    required: z.string(),
    desc: z.string(),
  })
  .transform(({ name, size, location, required, desc }) => listed(name, location, size, required, desc))

/** What the command line prints; it prints null for no backup at all. */
export const printedList = z.array(printed).nullable()

export const answeredList = z.array(answered)

/** A broken backup has a reason where others have their format, and no size that is known. */
const BROKEN = /broken|error/i
const UNKNOWN_SIZE = '???'

function listed(name: string, where: Where, size: number | string, required: string, description: string): Listed {
  return {
    name,
    where,
    size,
    required: required.replace(/^\+/, '') || null,
    broken: BROKEN.test(description) || size === UNKNOWN_SIZE ? description : null,
  }
}
