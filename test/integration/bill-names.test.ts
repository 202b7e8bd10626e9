import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { namesFromPostgres } from '../../src/billing/postgres-names.js'
import { LedgerError } from '../../src/domain/errors.js'
import { Secret } from '../../src/domain/options.js'
import { postgresPrograms, startPostgres, type TestPostgres } from '../support/postgres.js'

const TENANT = '0a1b2c3d-0000-4000-8000-00000000abcd'
const KEY = '0a1b2c3d-0000-4000-8000-00000000ffff'
const programs = postgresPrograms()

describe.skipIf(programs === null)('names from Postgres', () => {
  let postgres: TestPostgres
  const sql = async (text: string) => {
    const client = new pg.Client(postgres.url)
    await client.connect()
    await client.query(text)
    await client.end()
  }
  const problem = async (url: string): Promise<LedgerError> => {
    const error = await namesFromPostgres(new Secret(url)).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(LedgerError)
    expect(JSON.stringify([error, (error as LedgerError).message, (error as LedgerError).hint])).not.toContain('pa55')
    return error as LedgerError
  }
  beforeAll(async () => {
    postgres = await startPostgres(programs as string)
  })
  afterAll(() => postgres?.stop())

  it("says that a database is not obleth's", async () => {
    expect((await problem(postgres.url)).code).toBe('target_failed')
  })

  it('reads names of tenants and keys, absent ones too', async () => {
    await sql(`CREATE TABLE tenants (id uuid PRIMARY KEY, name text NOT NULL, organization text, contact_email text, weight int);
      CREATE TABLE api_keys (id uuid PRIMARY KEY, tenant_id uuid, name text, hash text);
      INSERT INTO tenants VALUES ('${TENANT}', 'Größe & Söhne', NULL, 'a@b.example', 3);
      INSERT INTO api_keys VALUES ('${KEY}', '${TENANT}', 'prod', 'x'), (gen_random_uuid(), '${TENANT}', NULL, 'y')`)
    const { tenants, keys } = await namesFromPostgres(new Secret(postgres.url))
    expect([...tenants.values()]).toEqual([
      { id: TENANT, name: 'Größe & Söhne', organization: null, contactEmail: 'a@b.example' },
    ])
    expect([...keys]).toEqual([[KEY, 'prod']])
  })

  it('tells a wrong password, a missing right and a server that is away', async () => {
    expect((await problem(postgres.url.replace('word@', 'other@'))).code).toBe('access_denied')
    await sql("CREATE ROLE reader LOGIN PASSWORD 'pa55-reader'")
    expect((await problem(postgres.url.replace('obleth:pa55-word', 'reader:pa55-reader'))).code).toBe('access_denied')
    expect((await problem('postgres://u:pa55@127.0.0.1:9/obleth')).code).toBe('target_unreachable')
  })
})
