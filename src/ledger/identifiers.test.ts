import { describe, expect, it } from 'vitest'
import { identifier, literal } from './identifiers.js'
import { settingsClause } from './settings.js'

describe('identifier', () => {
  it.each(['a', 'usage_daily', '2025', 'x'.repeat(64)])('quotes %s', (name) => {
    expect(identifier(name)).toBe(`\`${name}\``)
  })
  it.each(['', 'x'.repeat(65), 'a.b', 'a-b', 'a b', 'a`b', 'ü', 'a\n', 'a;', "a'"])('refuses %j', (name) => {
    expect(() => identifier(name)).toThrow(expect.objectContaining({ code: 'config' }))
  })
  it('shows a refused name without what steers a terminal', () => {
    expect(() => identifier('a\x1b[2Jb')).toThrow(/"a\\u\{1b\}\[2Jb"/)
  })
})

describe('literal', () => {
  it('leaves nothing that ends the quotes', () => {
    expect(literal("it's \\ \n\t\0")).toBe("'it\\'s \\\\ \\n\\t\\0'")
  })
})

describe('settingsClause', () => {
  it('names only what the target knows, and nothing where that is nothing', () => {
    const known = new Set(['a', 'b'])
    expect(settingsClause({ a: 1, b: "it's", c: 2 }, known)).toBe("SETTINGS a = 1, b = 'it\\'s'")
    expect(settingsClause({ c: 2 }, known)).toBe('')
  })
})
