import { describe, expect, it } from 'vitest'
import { parseAofManifest, renderAofManifest } from './aof-manifest.js'

const base = { name: 'appendonly.aof.3.base.rdb', seq: 3, type: 'base' }
const incr = (seq: number) => ({ name: `appendonly.aof.${seq}.incr.aof`, seq, type: 'incr' })
const line = (name: string, seq: number | string, type: string) => `file ${name} seq ${seq} type ${type}\n`

describe('the manifest of an AOF', () => {
  it('names what is loaded, in its order; history is left out', () => {
    const text = `${line('appendonly.aof.2.base.rdb', 2, 'h')}# a note\n${line(base.name, 3, 'b')}${line('appendonly.aof.3.incr.aof', 3, 'i')}${line('appendonly.aof.4.incr.aof', 4, 'i')}`
    const files = parseAofManifest(text, 'place')
    expect(files).toEqual([base, incr(3), incr(4)])
    expect(parseAofManifest(renderAofManifest(files), 'place')).toEqual(files)
  })

  it('may say more of a file than is known here', () => {
    expect(parseAofManifest('file a.1.incr.aof seq 1 type i startoffset 7\n', 'place')).toHaveLength(1)
  })

  it.each([
    ['nothing', ''],
    ['another text', 'hello\n'],
    ['a path', line('../dump.rdb', 1, 'b')],
    ['an absolute path', line('/etc/passwd', 1, 'b')],
    ['a folder', line('..', 1, 'b')],
    ['a hidden name', line('.x', 1, 'b')],
    ['a quoted name', line('"a b"', 1, 'b')],
    ['control bytes', line('a\x1b[31m', 1, 'b')],
    ['an unknown type', line('a', 1, 'x')],
    ['no number', line('a', 'x', 'i')],
    ['a negative number', line('a', -1, 'i')],
    ['a word twice', 'file a file b seq 1 type i\n'],
    ['a word alone', 'file a seq 1 type\n'],
    ['two bases', line('a', 1, 'b') + line('b', 2, 'b')],
    ['a file twice', line('a', 1, 'b') + line('a', 1, 'i')],
    ['a wrong order', line('b', 2, 'i') + line('a', 1, 'i')],
    ['two increments of one number', line('a', 1, 'i') + line('b', 1, 'i')],
    ['far too much', line('a', 1, 'i').repeat(100_000)],
  ])('refuses %s', (_, text) => {
    expect(() => parseAofManifest(text, 'place')).toThrowError(
      expect.objectContaining({ code: 'verification_failed', place: 'place' }),
    )
  })
})
