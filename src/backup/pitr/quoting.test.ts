import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { commandLine, connectionString, postgresValue } from './quoting.js'

test('a shell reads back the words of a command', () => {
  const word = fc.string({ unit: fc.constantFrom(...`a B/1-=.,:'"$\`\\%#;&|*?~()<>ü\n`), minLength: 1 })
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), (words) => {
      const read = execFileSync('sh', ['-c', `printf '%s\\0' ${commandLine(words)}`], { encoding: 'utf8' })
      expect(read.split('\0').slice(0, -1)).toEqual(words)
    }),
    { numRuns: 60 },
  )
})

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
