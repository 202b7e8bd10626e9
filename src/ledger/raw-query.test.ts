import { describe, expect, it } from 'vitest'
import { LedgerError } from '../domain/errors.js'
import { rawStatement } from './raw-query.js'

const read = (sql: string, readOnly = 'SETTINGS readonly = 1') =>
  rawStatement(sql, { format: 'TSV', write: false }, readOnly)

describe('a statement that may only read', () => {
  it.each([
    "INSERT INTO usage_meta VALUES ('a', 'b')",
    "/* SELECT */ INSERT INTO usage_meta VALUES ('a', 'b')",
    'DROP TABLE usage',
    'WITH y AS (SELECT 1 AS n) INSERT INTO t SELECT n FROM y FORMAT TSV',
    "with y as (select ')' as n)\ninsert into t select n from y",
    'SHOW TABLES; DROP TABLE usage',
    'EXPLAIN SELECT 1; TRUNCATE TABLE usage',
    "SELECT 1 INTO OUTFILE '/tmp/x'",
    "SELECT 1 INTO/**/OUTFILE '/tmp/x'",
    "SELECT 1 INTO -- here\n OUTFILE '/tmp/x' FORMAT TSV",
    "SELECT $$'$$ INTO OUTFILE '/tmp/x'",
    "SELECT ‘'’ INTO OUTFILE '/tmp/x'",
    "SELECT '\\\\' INTO OUTFILE '/tmp/x'",
    'SELECT 1 PARALLEL WITH DROP TABLE usage',
  ])('is not %j', (sql) => {
    expect(() => read(sql)).toThrow(LedgerError)
    expect(rawStatement(sql, { format: 'TSV', write: true }, 'SETTINGS readonly = 1')).toContain(sql)
  })

  it.each([
    "SELECT 'INTO OUTFILE; INSERT'",
    'SELECT `;` FROM t -- INTO OUTFILE',
    "SELECT 'it''s \\'; INTO OUTFILE'",
    "WITH 'INSERT' AS word SELECT word",
  ])('may be %j', (sql) => {
    expect(read(sql)).toBe(`${sql}\nFORMAT TSV SETTINGS readonly = 1`)
  })

  it('keeps a format of its own', () => {
    expect(read('SELECT 1 FORMAT JSON')).toBe('SELECT 1 FORMAT JSON')
    expect(read('DESCRIBE TABLE usage')).toBe('DESCRIBE TABLE usage\nFORMAT TSV')
  })

  it('goes without the clause where the user may only read anyway', () => {
    expect(read('SELECT 1', '')).toBe('SELECT 1\nFORMAT TSV')
  })
})
