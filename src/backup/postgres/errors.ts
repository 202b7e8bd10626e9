import { type ErrorCode, LedgerError } from '../../domain/errors.js'
import type { PostgresHints } from '../../postgres/client.js'
import { lastWords, type Ran } from '../program.js'

interface Kind {
  readonly words: RegExp
  readonly code: ErrorCode
  readonly what: string
  readonly hint: string
}

const AGAIN = 'then run the same command again'

/** What stands in the way of either direction. Every failure of these programs ends with 1, so their words have to tell. */
const OF_ANY: readonly Kind[] = [
  {
    words: /No space left on device|could not extend file|disk full/i,
    code: 'disk_full',
    what: 'a disk is full',
    hint: `free some space where the message says, on the server or here, ${AGAIN}`,
  },
  {
    words: /password authentication failed|no password supplied|no pg_hba.conf entry/i,
    code: 'access_denied',
    what: 'Postgres refuses this user',
    hint: `check user and password in OBLETH_LEDGER_POSTGRES_URL, ${AGAIN}`,
  },
  {
    words:
      /server closed the connection|connection to server|terminating connection|could not connect|could not receive data|SSL (connection|error)|the database system is/i,
    code: 'target_unreachable',
    what: 'the connection to Postgres was lost',
    hint: `see whether the server runs and can be reached, ${AGAIN}`,
  },
]

const OF_DUMP: readonly Kind[] = [
  {
    words: /server version mismatch/i,
    code: 'refused',
    what: 'pg_dump is older than the server',
    hint: `install the postgresql-client of the server's version, ${AGAIN}`,
  },
  {
    words: /lock timeout/i,
    code: 'target_locked',
    what: 'another session keeps a table locked',
    hint: `let the migration or the maintenance that holds it come to its end, ${AGAIN}`,
  },
  {
    words: /permission denied|must be owner|row-level security/i,
    code: 'access_denied',
    what: 'this user may not read everything',
    hint: 'use the owner of the database or a member of pg_read_all_data: a dump that leaves something out is no backup',
  },
  ...OF_ANY,
]

const OF_RESTORE: readonly Kind[] = [
  {
    words: /role ".*" does not exist/i,
    code: 'refused',
    what: 'a role is missing on the target',
    hint: 'restore with --roles create, or --roles ignore to do without owners and grants',
  },
  {
    words: /extension ".*" is not available|could not open extension control file/i,
    code: 'refused',
    what: 'an extension is not installed on the target server',
    hint: `install its package there (postgresql-contrib holds pgcrypto and others), ${AGAIN}`,
  },
  {
    words: /other objects depend on it/i,
    code: 'refused',
    what: 'something that the backup does not have depends on what would be replaced',
    hint: `drop it (the message names it) or restore into a new database, ${AGAIN}`,
  },
  {
    words: /must be owner|permission denied|must be superuser|must be able to SET ROLE|must be member of role/i,
    code: 'access_denied',
    what: 'this user may not change owners, comments or rights on the target',
    hint: 'use the owner of the database or a superuser, or --roles ignore to do without owners and grants',
  },
  {
    words: /unrecognized configuration parameter|unsupported version/i,
    code: 'refused',
    what: 'pg_restore and the target are of versions that do not fit',
    hint: `install the postgresql-client of the target's version, ${AGAIN}`,
  },
  {
    words: /max_locks_per_transaction|out of shared memory/i,
    code: 'refused',
    what: 'the target has no room for so many locks in one transaction (each large object needs one)',
    hint: `raise max_locks_per_transaction on the target and restart it, ${AGAIN}`,
  },
  {
    words: /duplicate key|violates .* constraint|could not create unique index|invalid input syntax|COPY .* failed/i,
    code: 'verification_failed',
    what: 'rows of the backup do not fit',
    hint: 'obleth-ledger backups verify tells which backups are sound: restore another one',
  },
  {
    words: /could not (read|find block|uncompress)|input file|unexpected end of file|corrupt|archive/i,
    code: 'verification_failed',
    what: 'the dump is damaged',
    hint: 'obleth-ledger backups verify tells which backups are sound: restore another one',
  },
  ...OF_ANY,
]

export const RESTORE_HINTS: PostgresHints = {
  doing: 'be restored into',
  denied: 'use the owner of the database or a superuser in OBLETH_LEDGER_POSTGRES_URL; nothing was restored',
  failed: 'see what the message says, then run the same command again; nothing was restored',
  unreachable: 'see whether the server runs and can be reached, then run the same command again; nothing was restored',
}

/** What a pg_dump or pg_dumpall that failed came to. */
export function dumpError(program: string, ran: Ran, place: string): LedgerError {
  return told(program, ran, place, OF_DUMP, 'earlier backups are as they were')
}

/**
 * What a pg_restore in one transaction that failed came to: nothing of it is there. Only a connection that was lost while
 * the transaction was committed leaves open whether all of it is.
 */
export function restoreError(ran: Ran, place: string): LedgerError {
  return told('pg_restore', ran, place, OF_RESTORE, 'the target is as it was')
}

function told(program: string, ran: Ran, place: string, kinds: readonly Kind[], left: string): LedgerError {
  const { code, what, hint } = kinds.find(({ words }) => words.test(ran.stderr)) ?? {
    code: 'target_failed' as const,
    what: `${program} failed`,
    hint: `see what the message says, ${AGAIN}`,
  }
  const inDoubt = program === 'pg_restore' && code === 'target_unreachable' ? ', or wholly restored' : ''
  return new LedgerError(code, `${what}; ${left}${inDoubt}: ${lastWords(ran)}`, {
    place,
    hint,
    retryable: code === 'target_unreachable',
  })
}
