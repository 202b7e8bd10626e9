import { spawn, spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const CLI = join(process.cwd(), 'bin/obleth-ledger.js')

/** The built command as a user runs it, in an empty directory, with no ledger named in the environment. */
let cwd: string
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'command-'))
})
afterAll(() => rmSync(cwd, { recursive: true, force: true }))

const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^OBLETH|^NO_COLOR$/.test(name)))
function run(argv: readonly string[], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...argv], {
    cwd,
    env: { ...clean, ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return { status, stdout, stderr }
}

test('help goes to stdout, exit 0; its commands all exist', () => {
  const { status, stdout, stderr } = run(['--help'])
  expect([status, stderr]).toEqual([0, ''])
  const commands = [...stdout.matchAll(/^ {2}obleth-ledger (\w+)/gm)].map((found) => found[1])
  expect(commands).toEqual([
    'replay',
    'inspect',
    'collect',
    'query',
    'audit',
    'repair',
    'bill',
    'bench',
    'doctor',
    'backup',
    'restore',
    'backups',
    'pitr',
    'ttl',
    'runs',
    'config',
    'completion',
  ])
})

test.each([
  [['backup', 'postgres', '--postgres-url', 'postgresql://u:hunter2@127.0.0.1:1/x'], 'OBLETH_LEDGER_POSTGRES_URL'],
  [['backup', 'redis', '--redis-url=rediss://:hunter2@127.0.0.1:1'], 'OBLETH_LEDGER_REDIS_URL'],
])('of a password on the command line it says where that store has it %#', (argv, variable) => {
  const { status, stdout, stderr } = run(argv)
  expect(status).toBe(2)
  expect(stdout + stderr).not.toContain('hunter2')
  expect(stderr).toContain(variable)
  expect(stderr).not.toContain('CLICKHOUSE')
})

// Linux has a file that is a full disk.
test
  .skipIf(!existsSync('/dev/full'))
  .each([[['config', 'show']], [['config', 'show', '--json']], [['backups', 'nonsense', '--json']]])(
  'output that meets a full disk is a failure, and no fault of the program %#',
  (argv) => {
    const full = openSync('/dev/full', 'w')
    const { status, stderr } = spawnSync(process.execPath, [CLI, ...argv], {
      cwd,
      env: clean,
      encoding: 'utf8',
      stdio: ['ignore', full, 'pipe'],
    })
    closeSync(full)
    expect(status).toBe(1)
    expect(stderr).toContain('a disk is full')
    expect(stderr).not.toContain('fault of obleth-ledger')
  },
)

test.each([
  [['replay', '--clickhouse-url', 'http://u:hunter2@127.0.0.1:1', 'wal']],
  [['replay', '--clickhouse-password', 'hunter2']],
  [['replay', '--json', '--clickhouse-url=http://u:hunter2@127.0.0.1:1', 'wal', '--no-such-option']],
  [['--verbose', 'config', 'show', '--clickhouse-url=http://u:hunter2@127.0.0.1:1']],
])('a password on the command line: exit 2 and not echoed %#', (argv) => {
  const { status, stdout, stderr } = run(argv)
  expect(status).toBe(2)
  expect(stdout + stderr).not.toContain('hunter2')
  expect(stderr).toContain('OBLETH_LEDGER_CLICKHOUSE_PASSWORD')
})

test.each([
  [[]],
  [['replay']],
  [['replay', '--no-such-option', 'wal']],
  [['replay', 'wal', '--since', '2026-03-01T00:00:00']],
  [['replay', 'wal', '--config', 'none.yaml']],
  [['inspect', 'wal', '--yes']],
  [['query', '--embedded', 'd']],
])('usage and configuration errors exit 2, with nothing on stdout: %j', (argv) => {
  const { status, stdout, stderr } = run(argv)
  expect([status, stdout]).toEqual([2, ''])
  expect(stderr).toMatch(/^error /)
  expect(stderr).toMatch(/ hint /)
  expect(stderr).not.toMatch(/^\s+at .*\.js/m)
})

test('a mistyped variable stops the run: it may have named another target', () => {
  const { status, stderr } = run(['inspect', 'wal'], { OBLETH_LEDGER_EMBEDED: 'x' })
  expect(status).toBe(2)
  expect(stderr).toContain('did you mean OBLETH_LEDGER_EMBEDDED?')
})

test.each([
  ['replay', ['replay', 'wal', '--json', '--memory', 'much'], 'replay', 'config'],
  ['query', ['query', '--json', 'SELECT 1', '--memory', 'much'], null, 'usage'],
  ['an unknown command', ['repla', '--json'], null, 'usage'],
])('--json prints one document on errors too: %s', (_name, argv, command, code) => {
  const { status, stdout, stderr } = run(argv)
  expect(status).toBe(2)
  expect(JSON.parse(stdout)).toMatchObject({ command, status: 'failed', error: { code } })
  expect(stderr).toMatch(/^error /)
})

test('publishing to a server without --yes and terminal is refused before anything is read or reached', () => {
  const { status, stdout, stderr } = run(['replay', 'no-such-wal', '--json'], {
    OBLETH_CLICKHOUSE_URL: 'http://127.0.0.1:1',
  })
  expect(status).toBe(5)
  expect(JSON.parse(stdout)).toMatchObject({
    status: 'refused',
    error: { code: 'refused', place: 'http://127.0.0.1:1' },
  })
  expect(stderr).toContain('--yes')
})

test('config show names the origin of every value and masks the password', () => {
  writeFileSync(join(cwd, 'mine.yaml'), '# options\n\nmemory: 64MiB\n')
  const env = {
    OBLETH_CLICKHOUSE_URL: 'http://u:hunter2@prod:8123',
    OBLETH_LEDGER_CLICKHOUSE_DB: 'billing',
    OBLETH_LEDGER_CONFIG: 'mine.yaml',
  }
  const { status, stdout, stderr } = run(['config', 'show', '--concurrency', '2'], env)
  expect([status, stderr]).toEqual([0, ''])
  for (const row of [
    /^ +clickhouse-url +http:\/\/prod:8123\/? +OBLETH_CLICKHOUSE_URL$/m,
    /^ +clickhouse-password +\*\*\* +OBLETH_CLICKHOUSE_URL$/m,
    /^ +clickhouse-db +billing +OBLETH_LEDGER_CLICKHOUSE_DB$/m,
    /^ +memory +64MiB +mine\.yaml:3$/m,
    /^ +concurrency +2 +--concurrency$/m,
    /^ +state-dir +\.obleth-ledger +default$/m,
  ]) {
    expect(stdout).toMatch(row)
  }
  expect(stdout).not.toContain('hunter2')
  const json = run(['config', 'show', '--json'], env)
  expect(json.stdout).not.toContain('hunter2')
  expect(JSON.parse(json.stdout).options).toContainEqual({
    option: 'memory',
    value: 67_108_864,
    origin: { kind: 'file', path: 'mine.yaml', line: 3 },
    note: '',
  })
})

test('a reader that goes away is no error', () => {
  const pipe = `"${process.execPath}" "${CLI}" config show | true; echo "exit \${PIPESTATUS[0]}"`
  const { stdout, stderr } = spawnSync('bash', ['-c', pipe], { cwd, env: clean, encoding: 'utf8' })
  expect([stdout, stderr]).toEqual(['exit 0\n', ''])
})

describe('signals', () => {
  /** A process that watches signals and stays until the second one. */
  const script = `
    import { watchSignals } from ${JSON.stringify(join(process.cwd(), 'dist/signals.js'))}
    const watched = watchSignals((signal) => console.log('first ' + signal))
    watched.signal.addEventListener('abort', () => console.log('aborted ' + watched.received()))
    setInterval(() => {}, 1000)
    console.log('ready')
  `
  test.each([
    ['SIGINT', 'SIGINT', 130],
    ['SIGTERM', 'SIGTERM', 143],
    ['SIGINT', 'SIGTERM', 143],
  ] as const)('the first %s aborts, then %s ends the process with %d', async (first, second, code) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let seen = ''
    const exited = new Promise<number | null>((resolve) => child.on('exit', resolve))
    for await (const part of child.stdout) {
      seen += String(part)
      if (seen.endsWith('ready\n')) child.kill(first)
      if (seen.endsWith(`aborted ${first}\n`)) child.kill(second)
    }
    expect(seen).toBe(`ready\nfirst ${first}\naborted ${first}\n`)
    expect(await exited).toBe(code)
  })
})
