import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { EXIT } from '../../src/cli/exit-codes.js'
import { type CommandName, OPTION_LIST } from '../../src/config/options.js'

const readme = readFileSync('README.md', 'utf8')

/** As the README lists them: `config show`, which has every option, goes without saying. */
function commandsOf(commands: readonly CommandName[]): string {
  const own = commands.filter((command) => command !== 'config show')
  if (own.length === new Set(OPTION_LIST.flatMap((option) => option.commands)).size - 1) return 'all'
  return own.join(', ')
}

const rows = OPTION_LIST.map((option) => {
  const flag = `\`--${option.name}\`${option.short === undefined ? '' : `, \`-${option.short}\``}`
  const name = { positional: '`<source...>`', no: `\`${option.name}\` (no flag)`, yes: flag }[option.flag ?? 'yes']
  const commands = commandsOf(option.commands)
  const fallback = option.default === undefined ? (option.unset ?? '') : `\`${option.default}\``
  const also = option.alsoFrom === undefined ? '' : `\`${option.alsoFrom.name}\``
  return `| ${name} | ${commands} | ${fallback} | ${also} | ${option.describe} |`
})

test.each(rows)('the README has the row %s', (row) => {
  expect(readme.split('\n')).toContain(row)
})

test('and no row of an option that is gone', () => {
  const documented = readme.split('\n').filter((line) => /^\| `(--|<|clickhouse-)/.test(line))
  expect(documented).toHaveLength(rows.length)
})

test('the README explains every exit code', () => {
  for (const code of Object.values(EXIT)) expect(readme).toMatch(new RegExp(`^\\| ${code} \\|`, 'm'))
})

test('its first two commands work on a fresh clone', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }
  const commands = [...readme.matchAll(/^npm install && npm (?:run )?(\S+)$/gm)].map((found) => found[1])
  expect(commands).toEqual(['demo', 'test'])
  for (const name of commands) expect(scripts).toHaveProperty(name)
})
