import { expect, it } from 'vitest'
import { dumpError, restoreError } from './errors.js'

const ran = (stderr: string) => ({ exitCode: 1, stdout: '', stderr })

/** Words of pg_dump and pg_restore 15 to 18 under LC_ALL=C. */
it.each([
  ['pg_dump: error: aborting because of server version mismatch', 'refused'],
  ['pg_dump: error: query failed: ERROR:  permission denied for table tenants', 'access_denied'],
  ['pg_dump: error: query would be affected by row-level security policy for table "tenants"', 'access_denied'],
  ['pg_dump: error: query failed: ERROR:  canceling statement due to lock timeout', 'target_locked'],
  [
    'pg_dump: error: connection to server at "127.0.0.1", port 5 failed: FATAL:  password authentication failed for user "u"',
    'access_denied',
  ],
  [
    'pg_dump: error: connection to server at "127.0.0.1", port 5 failed: FATAL:  no pg_hba.conf entry for host',
    'access_denied',
  ],
  ['pg_dump: error: connection to server at "127.0.0.1", port 5 failed: Connection refused', 'target_unreachable'],
  [
    'pg_dump: error: Dumping the contents of table "a" failed: PQgetResult() failed.\npg_dump: detail: Error message from server: server closed the connection unexpectedly',
    'target_unreachable',
  ],
  ['something that nobody has seen', 'target_failed'],
])('pg_dump that says: %s', (said, code) => {
  const error = dumpError('pg_dump', ran(said), 'Postgres, h:1/d')
  expect([error.code, error.retryable]).toEqual([code, code === 'target_unreachable'])
  expect(error.message).toContain('earlier backups are as they were')
})

it.each([
  ['pg_restore: error: could not execute query: ERROR:  role "app_rw" does not exist', 'refused', '--roles'],
  ['ERROR:  extension "pgcrypto" is not available', 'refused', 'package'],
  ['ERROR:  cannot drop table tenants because other objects depend on it', 'refused', 'drop it'],
  ['ERROR:  must be owner of extension pgcrypto\nCommand was: COMMENT ON EXTENSION', 'access_denied', '--roles ignore'],
  ['ERROR:  permission denied for schema public', 'access_denied', 'owner'],
  ['ERROR:  unrecognized configuration parameter "transaction_timeout"', 'refused', 'version'],
  ['pg_restore: error: unsupported version (1.16) in file header', 'refused', 'version'],
  ['ERROR:  out of shared memory\nHINT:  You might need to increase max_locks_per_transaction.', 'refused', 'raise'],
  ['ERROR:  duplicate key value violates unique constraint "tenants_pkey"', 'verification_failed', 'verify'],
  ['pg_restore: error: could not read from input file: end of file', 'verification_failed', 'verify'],
  ['ERROR:  could not extend file "base/1/2": No space left on device', 'disk_full', 'space'],
  ['FATAL:  terminating connection due to administrator command', 'target_unreachable', 'server runs'],
])('pg_restore that says: %s', (said, code, hint) => {
  const error = restoreError(ran(said), 'Postgres, h:1/d')
  expect(error.code).toBe(code)
  expect(error.hint).toContain(hint)
  expect(error.message).toContain('the target is as it was')
})
