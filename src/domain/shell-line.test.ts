import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { shellLine } from './shell-line.js'

test('a shell reads back the words of a command', () => {
  const word = fc.string({ unit: fc.constantFrom(...`a B/1-=.,:'"$\`\\%#;&|*?~()<>ü\n`), minLength: 1 })
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), (words) => {
      const read = execFileSync('sh', ['-c', `printf '%s\\0' ${shellLine(words)}`], { encoding: 'utf8' })
      expect(read.split('\0').slice(0, -1)).toEqual(words)
    }),
    { numRuns: 60 },
  )
})
