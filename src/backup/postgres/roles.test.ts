import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { readRoles, withRelated } from './roles.js'

/** As pg_dumpall of 15 and 16 writes it, with what must not be carried out. */
const GLOBALS = `\\restrict abc
SET default_transaction_read_only = off;
CREATE ROLE app_ro;
ALTER ROLE app_ro WITH NOSUPERUSER INHERIT NOLOGIN;
CREATE ROLE "App ""Login""";
ALTER ROLE "App ""Login""" WITH LOGIN PASSWORD 'SCRAM-SHA-256$4096:a;b';
CREATE ROLE postgres;
ALTER ROLE postgres WITH SUPERUSER;
ALTER ROLE app_ro SET search_path TO 'a', 'b';
ALTER ROLE app_ro IN DATABASE obleth SET work_mem TO '1GB';
\\! touch /tmp/owned
CREATE TABLESPACE fast OWNER postgres LOCATION '/ssd';
GRANT app_ro TO "App ""Login""" GRANTED BY postgres;
GRANT pg_monitor TO postgres WITH INHERIT TRUE GRANTED BY postgres;
\\unrestrict abc
`

it('reads roles and memberships from what pg_dumpall wrote, and nothing else', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'roles-'))
  writeFileSync(join(folder, 'globals.sql'), GLOBALS)
  const roles = await readRoles(join(folder, 'globals.sql'))
  rmSync(folder, { recursive: true })
  expect([...roles.byName.keys()]).toEqual(['app_ro', 'App "Login"', 'postgres'])
  expect(roles.byName.get('app_ro')).toEqual([
    'CREATE ROLE app_ro;',
    'ALTER ROLE app_ro WITH NOSUPERUSER INHERIT NOLOGIN;',
    "ALTER ROLE app_ro SET search_path TO 'a', 'b';",
  ])
  expect(roles.memberships).toEqual([
    { role: 'app_ro', member: 'App "Login"', sql: 'GRANT app_ro TO "App ""Login"""' },
    { role: 'pg_monitor', member: 'postgres', sql: 'GRANT pg_monitor TO postgres WITH INHERIT TRUE' },
  ])
  // Who logs in through a role belongs to it; a superuser that has nothing to do with it does not.
  expect([...withRelated(['app_ro'], roles)]).toEqual(['app_ro', 'App "Login"'])
})
