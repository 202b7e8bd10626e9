import { userInfo } from 'node:os'
import { describe, expect, it } from 'vitest'
import { LedgerError } from '../domain/errors.js'
import { Secret } from '../domain/options.js'
import { libpqEnvironment, parsePostgresUrl } from './connection.js'

const parse = (url: string) => parsePostgresUrl(new Secret(url))

describe('the URL of a Postgres', () => {
  it('is taken apart, escapes and all', () => {
    const connection = parse('postgres://us%40er:p%3A%2Fw%25@db.example:6432/my%20db?sslmode=require&connect_timeout=3')
    expect({ ...connection, password: connection.password?.reveal() }).toMatchObject({
      host: 'db.example',
      port: 6432,
      user: 'us@er',
      password: 'p:/w%',
      database: 'my db',
      sslMode: 'require',
      place: 'db.example:6432/my db',
    })
  })

  it('has the defaults of libpq', () => {
    expect(parse('postgresql://db')).toMatchObject({
      port: 5432,
      user: userInfo().username,
      database: userInfo().username,
      sslMode: 'prefer',
      password: undefined,
    })
    expect(parse('postgres://u@[::1]/d')).toMatchObject({ host: '::1', place: '[::1]:5432/d' })
    expect(parse('postgres:///d?user=u&host=/run/postgresql').host).toBe('/run/postgresql')
    expect(parse('postgres://u@%2Frun%2Fpostgresql/d').host).toBe('/run/postgresql')
  })

  it('takes sqlx’s spelling of parameters, and passes over what only sqlx knows', () => {
    const { sslMode, others } = parse('postgres://h/d?ssl-mode=verify-ca&ssl-root-cert=/ca&statement-cache-capacity=9')
    expect([sslMode, [...others]]).toEqual(['verify-ca', [['sslrootcert', '/ca']]])
  })

  it.each([
    ['postgres://u:hush@h/d?service=other', /service/],
    ['postgres://u:hush@h/d?target_session_attrs=any', /target_session_attrs/],
    ['postgres://u:hush@a,b/d', /several hosts/],
    ['postgres://u:hush@h/d?sslmode=sometimes', /sslmode/],
    ['postgres://u:hush@h/d?port=0', /port/],
    ['postgres:///d', /no host/],
    ['postgres://u:hush%zz@h/d', /percent/],
    ['postgres://u:hush%00@h/d', /NUL/],
  ])('%s is refused, and not repeated', (url, why) => {
    let error: unknown
    try {
      parse(url)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(LedgerError)
    const { code, message, hint } = error as LedgerError
    expect(code).toBe('config')
    expect(message).toMatch(why)
    expect(`${message}${hint}`).not.toContain('hush')
  })

  it('gives libpq all of it by variables, and takes the inherited ones away but those of pgBackRest', () => {
    process.env.PGSERVICE = 'elsewhere'
    process.env.PGBACKREST_STANZA = 'obleth'
    const env = libpqEnvironment(parse('postgres://u:p@h:1/d?options=-c%20geqo%3Doff&sslmode=disable'))
    delete process.env.PGSERVICE
    delete process.env.PGBACKREST_STANZA
    expect(env).toMatchObject({
      PGHOST: 'h',
      PGPORT: '1',
      PGUSER: 'u',
      PGPASSWORD: 'p',
      PGDATABASE: 'd',
      PGSSLMODE: 'disable',
      PGOPTIONS: '-c geqo=off',
      PGPASSFILE: '/dev/null',
    })
    expect('PGSERVICE' in env && env.PGSERVICE === undefined).toBe(true)
    expect('PGBACKREST_STANZA' in env).toBe(false)
  })
})
