import { expect, test } from 'vitest'
import { connectionString, postgresValue } from './quoting.js'

test.each([
  ["it's", "'it''s'"],
  ['back\\slash', "'back\\\\slash'"],
  [7, '7'],
])('%s in postgresql.conf is %s', (value, text) => {
  expect(postgresValue(value)).toBe(text)
})

test('a connection string quotes what it must', () => {
  expect(connectionString({ host: '/run/pg', port: 5432, user: "o'b\\c d" })).toBe(
    "host=/run/pg port=5432 user='o\\'b\\\\c d'",
  )
})
