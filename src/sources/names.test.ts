import { describe, expect, it } from 'vitest'
import { archiveName, displayPath, lastComponent, memberPath, parent } from './names.js'

describe('what is shown of a path', () => {
  it.each([
    ['plain/ä 🦀\n', 'plain/ä 🦀\n'],
    ['pct:%41', 'pct:%41'],
    ['', ''],
  ])('is itself where it is UTF-8: %j', (path, shown) => {
    expect(displayPath(Buffer.from(path))).toBe(shown)
  })

  it('is percent-encoded as a whole where it is not, so that no two paths look the same', () => {
    expect(displayPath(Buffer.from('a b/\xff%\x7f\n', 'latin1'))).toBe('pct:a%20b/%FF%25%7F%0A')
    // A cut character, an overlong form, a surrogate: none of them is UTF-8.
    for (const bytes of [
      [0xf0, 0x9f],
      [0xc0, 0xaf],
      [0xed, 0xa0, 0x80],
    ])
      expect(displayPath(Buffer.from(bytes))).toMatch(/^pct:(%[0-9A-F]{2})+$/)
  })
})

it('parents and last components', () => {
  const path = Buffer.from('a/b/c')
  expect([parent(path), parent(Buffer.from('a')), lastComponent(path)].map(String)).toEqual(['a/b', '', 'c'])
})

describe('the path of an archive member', () => {
  it.each([
    ['./a//b/./c', 'a/b/c', false],
    ['/etc/x', 'etc/x', true],
    ['../../x', 'x', true],
    ['a/../b', 'a/b', true],
    ['a/..b/...', 'a/..b/...', false],
    ['a\\..\\b', 'a\\..\\b', false],
  ])('%s is read as %s', (name, path, changed) => {
    const inside = memberPath(Buffer.from(name))
    expect([inside?.path.toString(), inside?.changed]).toEqual([path, changed])
  })

  it.each(['', '.', './', '/', '..', '../'])('%j is none', (name) => {
    expect(memberPath(Buffer.from(name))).toBeNull()
  })
})

it('an archive is called after its file', () => {
  expect(['x/router-0.tar.gz', 'router-0.TGZ', 'a.b.tar', 'router-0.tar.zst', 'c.tzst'].map(archiveName)).toEqual([
    'router-0',
    'router-0',
    'a.b',
    'router-0',
    'c',
  ])
})
