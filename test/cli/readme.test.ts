import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { EXIT } from '../../src/cli/exit-codes.js'
import type { CommandName } from '../../src/config/command-names.js'
import { OPTION_LIST } from '../../src/config/options.js'

const readme = readFileSync('README.md', 'utf8')

/** As the page lists them: `config show`, which has every option, goes without saying. */
function commandsOf(commands: readonly CommandName[]): string {
  const own = [...new Set(commands)].filter((command) => command !== 'config show')
  if (own.length === new Set(OPTION_LIST.flatMap((option) => option.commands)).size - 1) return 'all'
  return own.join(', ')
}

function rowOf(option: (typeof OPTION_LIST)[number]): string {
  const flag = `\`--${option.name}\`${option.short === undefined ? '' : `, \`-${option.short}\``}`
  const name = { positional: '`<source...>`', no: `\`${option.name}\` (no flag)`, yes: flag }[option.flag ?? 'yes']
  const fallback = option.default === undefined ? (option.unset ?? '') : `\`${option.default}\``
  const also = option.alsoFrom === undefined ? '' : `\`${option.alsoFrom.name}\``
  return `| ${name} | ${commandsOf(option.commands)} | ${fallback} | ${also} | ${option.describe} |`
}

const page = [
  '# Options',
  '',
  'Made from the table in `src/config/options/` by `npx vitest run test/cli/readme.test.ts -u`.',
  '',
  '| option | commands | default | else from | meaning |',
  '|---|---|---|---|---|',
  ...OPTION_LIST.map(rowOf),
  '',
].join('\n')

test('docs/options.md lists every option as it is', async () => {
  await expect(page).toMatchFileSnapshot('../../docs/options.md')
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
