import { expect, test } from 'vitest'
import { parseArguments } from '../../src/cli/arguments.js'
import { LedgerError } from '../../src/domain/errors.js'

const parse = (...argv: string[]) => parseArguments(argv, '9.9.9')

/** The flags that were given, without the ones that were not. */
async function flagsOf(...argv: string[]) {
  const invocation = await parse(...argv)
  if (invocation.kind !== 'command') throw new Error('not a command')
  return Object.fromEntries(Object.entries(invocation.flags).filter(([, value]) => value !== undefined))
}

test('sources, lists and switches; values stay text', async () => {
  const tenants = ['--tenant', 'a', 'wal-1', '--tenant', 'b', 'wal-2']
  expect(await flagsOf('replay', ...tenants, '-n', '--yes=false', '--since', '0017', '--concurrency=2')).toEqual({
    source: ['wal-1', 'wal-2'],
    tenant: ['a', 'b'],
    'dry-run': true,
    yes: false,
    since: '0017',
    concurrency: '2',
  })
})

test('what stands behind -- is a source, whatever it looks like', async () => {
  expect(await flagsOf('inspect', 'a', '--', '--json', '-x')).toEqual({ source: ['a', '--json', '-x'] })
})

test('a name that looks like a number stays as it is', async () => {
  expect((await flagsOf('inspect', '007', '1e3')).source).toEqual(['007', '1e3'])
})

test('query takes one statement', async () => {
  expect(await parse('query', 'SELECT 1', '--format', 'CSV')).toMatchObject({
    command: 'query',
    words: { sql: 'SELECT 1' },
  })
})

test('runs takes one run, and none to list', async () => {
  expect(await parse('runs', 'undo', 'r1', '--yes')).toMatchObject({
    command: 'runs undo',
    words: { run: 'r1' },
    flags: { yes: true },
  })
  expect(await parse('runs', 'list')).toMatchObject({ command: 'runs list', words: { run: '' } })
  for (const argv of [['runs'], ['runs', 'list', 'r1'], ['runs', 'show'], ['runs', 'undo', 'r1', 'r2']])
    await expect(parse(...argv)).rejects.toMatchObject({ code: 'usage' })
})

test('config show takes the options of every command', async () => {
  expect(await flagsOf('config', 'show', '--dry-run', '--write', '--memory', '1GiB')).toEqual({
    'dry-run': true,
    write: true,
    memory: '1GiB',
  })
})

test.each([
  [[], /no command/],
  [['repla'], /Did you mean replay/],
  [['replay', '--sinse', 'x'], /Unknown argument: sinse; did you mean --since\?/],
  [['replay', '--write'], /Unknown argument: write/],
  [['query', 'SELECT 1', '--dry-run'], /Unknown argument: dry-run/],
  [['query'], /Not enough non-option arguments/],
  [['query', 'SELECT', '1'], /Unknown argument: 1/],
  [['query', 'SELECT 1', '--', 'more'], /Unknown argument: more/],
  [['replay', '--since'], /Not enough arguments following: since/],
  [['replay', '--since', '--yes'], /Not enough arguments following: since/],
  [['config'], /config show/],
  [['config', 'hide'], /Unknown argument: hide/],
  [['replay', '--acceptFuture'], /Unknown argument: acceptFuture/],
])('%j is refused', async (argv, message) => {
  const error = await parse(...argv).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(LedgerError)
  expect(error).toMatchObject({ code: 'usage', message: expect.stringMatching(message) })
  expect((error as LedgerError).hint).toContain('--help')
})

test('help, version and completion are text', async () => {
  for (const [argv, part] of [
    [['--help'], 'replay [source..]'],
    [['replay', '--help'], '--dry-run'],
    [['replay', '--help'], 'k8s://obleth/app=gateway'],
    [['collect', '--help'], 'docker-volume://obleth_wal'],
    [['--version'], '9.9.9'],
    [['completion'], 'obleth-ledger --get-yargs-completions'],
  ] as const) {
    expect(await parse(...argv)).toEqual({ kind: 'text', text: expect.stringContaining(part) })
  }
})
