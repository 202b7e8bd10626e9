import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { refuseSecretsInArguments } from '../../src/config/argv-secrets.js'
import type { Flags } from '../../src/config/layers.js'
import { inputOptions, replayOptions, targetOptions } from '../../src/config/parsed.js'
import { resolveSettings, type Settings } from '../../src/config/resolve.js'
import { shownOptions } from '../../src/config/show.js'
import { LedgerError } from '../../src/domain/errors.js'

let cwd: string
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'config-'))
})
afterEach(() => rmSync(cwd, { recursive: true, force: true }))

const file = (text: string, name = 'obleth-ledger.yaml') => {
  const path = join(cwd, name)
  writeFileSync(path, text)
  chmodSync(path, 0o600)
  return path
}
const resolve = (flags: Flags = {}, env: Record<string, string> = {}): Promise<Settings> =>
  resolveSettings({ flags, env, cwd })

async function problemsOf(act: () => unknown): Promise<LedgerError> {
  try {
    await act()
  } catch (error) {
    if (error instanceof LedgerError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('precedence', () => {
  const OURS = { OBLETH_LEDGER_CLICKHOUSE_DB: 'ours' }
  const OBLETH = { OBLETH_CLICKHOUSE_DB: 'theirs' }
  test.each([
    ['default', {}, {}, '', 'obleth', 'default'],
    ['file', {}, {}, 'clickhouse-db: filed', 'filed', 'obleth-ledger.yaml:1'],
    ["obleth's variable over file", {}, OBLETH, 'clickhouse-db: filed', 'theirs', 'OBLETH_CLICKHOUSE_DB'],
    ["our variable over obleth's", {}, { ...OBLETH, ...OURS }, '', 'ours', 'OBLETH_LEDGER_CLICKHOUSE_DB'],
    [
      'flag over all',
      { 'clickhouse-db': 'flagged' },
      { ...OBLETH, ...OURS },
      'clickhouse-db: filed',
      'flagged',
      '--clickhouse-db',
    ],
    ['an empty variable counts as unset', {}, { OBLETH_LEDGER_CLICKHOUSE_DB: '' }, '', 'obleth', 'default'],
  ])('%s', async (_name, flags, env, yaml, value, from) => {
    if (yaml !== '') file(yaml)
    const settings = await resolve(flags, env)
    expect(targetOptions(settings).database).toBe(value)
    expect(shownOptions(settings).find(({ option }) => option === 'clickhouse-db')).toMatchObject({ value, from })
  })

  test('a switch that is on in the environment can be turned off by a flag', async () => {
    expect((await resolve({ yes: false }, { OBLETH_LEDGER_YES: '1' })).values.yes).toBe(false)
  })

  test('variables of others do not matter', async () => {
    const env = { CLICKHOUSE_URL: 'http://elsewhere:8123', CLICKHOUSE_PASSWORD: 'x', OBLETH_REDIS_URL: 'redis://r' }
    expect(targetOptions(await resolve({}, env))).toMatchObject({ url: undefined, password: undefined })
  })

  test('--config names another file, which must exist', async () => {
    file('clickhouse-db: here')
    const other = file('clickhouse-db: there', 'other.yaml')
    expect((await resolve({ config: other })).values['clickhouse-db']).toBe('there')
    expect((await resolve({}, { OBLETH_LEDGER_CONFIG: other })).values['clickhouse-db']).toBe('there')
    expect((await problemsOf(() => resolve({ config: join(cwd, 'none.yaml') }))).message).toContain(
      'none.yaml: does not exist',
    )
  })
})

describe('target', () => {
  const URL_ENV = { OBLETH_CLICKHOUSE_URL: 'http://prod:8123' }
  test.each([
    ['nothing', {}, {}, '', 'embedded'],
    ['a URL of obleth', {}, URL_ENV, '', 'server'],
    ['--embedded beats it', { embedded: 'd' }, URL_ENV, '', 'embedded'],
    ["our variable beats obleth's", {}, { ...URL_ENV, OBLETH_LEDGER_EMBEDDED: 'd' }, '', 'embedded'],
    ['a URL of the environment beats the file', {}, URL_ENV, 'embedded: d', 'server'],
    [
      '--clickhouse-url beats the environment',
      { 'clickhouse-url': 'http://a' },
      { OBLETH_LEDGER_EMBEDDED: 'd' },
      '',
      'server',
    ],
  ])('%s', async (_name, flags, env, yaml, target) => {
    if (yaml !== '') file(yaml)
    const settings = await resolve(flags, env)
    expect(settings.target).toBe(target)
    expect(targetOptions(settings).url === undefined).toBe(target === 'embedded')
  })

  test('both as flags contradict each other', async () => {
    const error = await problemsOf(() => resolve({ embedded: 'd', 'clickhouse-url': 'http://a' }))
    expect(error.message).toBe('--clickhouse-url: excludes --embedded: give one of them')
  })

  test('credentials in a URL of the environment are taken out of it', async () => {
    const settings = await resolve({}, { OBLETH_CLICKHOUSE_URL: 'http://al%40ice:hunter%202@h:8123/' })
    expect(targetOptions(settings)).toMatchObject({ url: 'http://h:8123', user: 'al@ice' })
    expect(targetOptions(settings).password?.reveal()).toBe('hunter 2')
  })

  test('a user and password of the same or a higher layer beat those of the URL', async () => {
    const env = {
      OBLETH_CLICKHOUSE_URL: 'http://alice:one@h:8123',
      OBLETH_CLICKHOUSE_USER: 'bob',
      OBLETH_CLICKHOUSE_PASSWORD: 'two',
    }
    const target = targetOptions(await resolve({}, env))
    expect([target.url, target.user, target.password?.reveal()]).toEqual(['http://h:8123', 'bob', 'two'])
    const lower = targetOptions(await resolve({ 'clickhouse-url': 'http://carol@h2' }, env))
    expect([lower.url, lower.user]).toEqual(['http://h2', 'carol'])
  })

  test('an embedded ledger gets no password', async () => {
    expect(targetOptions(await resolve({}, { OBLETH_CLICKHOUSE_PASSWORD: 'x' })).password).toBeUndefined()
  })
})

describe('password', () => {
  const server = { OBLETH_CLICKHOUSE_URL: 'http://h:8123' }
  const passwordOf = (settings: Settings) => targetOptions(settings).password?.reveal()

  test('first line of a file, without its line end', async () => {
    const path = file('hunter2\r\nsecond line\n', 'pw')
    const settings = await resolve({ 'clickhouse-password-file': path }, server)
    expect(passwordOf(settings)).toBe('hunter2')
    expect(settings.warnings).toEqual([])
  })

  test('a file that everybody can read is warned about', async () => {
    const path = file('hunter2', 'pw')
    chmodSync(path, 0o644)
    expect((await resolve({ 'clickhouse-password-file': path }, server)).warnings).toEqual([
      `${path} holds a password and every user can read it: chmod 600 it`,
    ])
  })

  test('so is a config file with a password', async () => {
    const path = file('clickhouse-password: hunter2')
    expect((await resolve({}, server)).warnings).toEqual([])
    expect(passwordOf(await resolve({}, server))).toBe('hunter2')
    chmodSync(path, 0o644)
    expect((await resolve({}, server)).warnings).toHaveLength(1)
  })

  test('the higher layer wins; both in one contradict each other', async () => {
    const path = file('from file', 'pw')
    const env = { ...server, OBLETH_CLICKHOUSE_PASSWORD: 'from env' }
    expect(passwordOf(await resolve({ 'clickhouse-password-file': path }, env))).toBe('from file')
    const both = { ...server, OBLETH_LEDGER_CLICKHOUSE_PASSWORD: 'a', OBLETH_LEDGER_CLICKHOUSE_PASSWORD_FILE: path }
    expect((await problemsOf(() => resolve({}, both))).message).toMatch(/^OBLETH_LEDGER_CLICKHOUSE_PASSWORD: excludes/)
  })

  test.each([
    ['missing', undefined, /does not exist/],
    ['empty', '', /is empty/],
    ['first line empty', '\nhunter2', /is empty/],
  ])('a file that is %s is refused', async (_name, text, message) => {
    const path = text === undefined ? join(cwd, 'none') : file(text, 'pw')
    expect((await problemsOf(() => resolve({ 'clickhouse-password-file': path }, server))).message).toMatch(message)
  })

  test('config show, its JSON and an inspection of the settings show no password', async () => {
    const urlToo = await resolve({}, { OBLETH_CLICKHOUSE_URL: 'http://u:hunter2@h:8123' })
    const env = await resolve({}, { ...server, OBLETH_CLICKHOUSE_PASSWORD: 'hunter2' })
    for (const settings of [urlToo, env]) {
      const rows = shownOptions(settings)
      expect(rows.find(({ option }) => option === 'clickhouse-password')?.text).toBe('***')
      expect(rows.map(({ text, from }) => text + from).join()).not.toContain('hunter2')
      expect(JSON.stringify(rows)).not.toContain('hunter2')
      expect(JSON.stringify(targetOptions(settings))).not.toContain('hunter2')
      expect(inspect(targetOptions(settings), { depth: 9 })).not.toContain('hunter2')
    }
  })

  test.each([
    ['--clickhouse-url=http://u:hunter2@h'],
    ['--clickhouse-url', 'http://u:hunter2@h:8123'],
    ['--clickhouse-url', 'http://u:hun/ter2@h'],
    ['--clickhouse-url', 'https://h/?user=u&password=hunter2'],
    ['--clickhouse-password', 'hunter2'],
    ['--clickhouse-password=hunter2'],
    ['--clickhousePassword=hunter2'],
    ['https://u:hunter2@bucket.example/wal'],
  ])('%s %s on the command line is refused and not echoed', async (...argv) => {
    const error = await problemsOf(() => refuseSecretsInArguments(['replay', ...argv]))
    expect(error.code).toBe('usage')
    for (const part of [error.message, error.hint ?? '', error.place ?? '']) expect(part).not.toMatch(/hun\/?ter2/)
  })

  test.each([
    ['--clickhouse-password-file', '/run/secrets/pw'],
    ['--clickhouse-url', 'http://alice@h:8123'],
    ['query', "SELECT * FROM url('http://a:b@h/x')"],
    ['replay', './wal:2026@home'],
  ])('%s %s is not taken for a password', async (...argv) => {
    expect(() => refuseSecretsInArguments(argv)).not.toThrow()
  })
})

describe('problems', () => {
  test('are all told at once, each with its place', async () => {
    file('clickhouse-db: ok\nmemory: much\nunknown-key: 1\nconfig: x\ntenat: y\n')
    const env = { OBLETH_LEDGER_CONCURRENCY: 'many', OBLETH_LEDGER_EMBEDED: 'd', OBLETH_USAGE_RETENTION_DAYS: '-1' }
    const error = await problemsOf(() => resolve({ since: '2026-03-01T00:00:00', tenant: ['acme'] }, env))
    expect(error.code).toBe('config')
    const lines = error.message.split('\n')
    const expected = [
      /^--since: has no time zone offset/,
      /^--tenant: is not a UUID$/,
      /^OBLETH_LEDGER_CONCURRENCY: is not a whole number from 1 to 64$/,
      /^OBLETH_LEDGER_EMBEDED: names no option; did you mean OBLETH_LEDGER_EMBEDDED\?$/,
      /^OBLETH_USAGE_RETENTION_DAYS: is not a whole number/,
      /^obleth-ledger\.yaml:2 \(memory\): is not a size/,
      /^obleth-ledger\.yaml:3: the key unknown-key names no option$/,
      /^obleth-ledger\.yaml:4: the key config names no option$/,
      /^obleth-ledger\.yaml:5: the key tenat names no option; did you mean tenant\?$/,
    ]
    for (const line of expected) expect(lines).toContainEqual(expect.stringMatching(line))
    expect(lines).toHaveLength(expected.length)
  })

  test.each([
    ['a: [', /:\d+: is not valid YAML/],
    ['memory: 64MiB\nmemory: 1GiB', /:2: is not valid YAML \(DUPLICATE_KEY\)/],
    ['- memory', /is not a mapping/],
    ['memory:', /:1: memory has no value/],
    ['memory: {a: 1}', /:1: memory has no value, or one of the wrong shape/],
    ['memory: [64MiB]', /:1: memory has no value, or one of the wrong shape/],
    ['clickhouse-password: hunter2\n  x: hunter2', /is not valid YAML/],
  ])('file %j', async (yaml, message) => {
    file(yaml)
    const error = await problemsOf(() => resolve())
    expect(error.message).toMatch(message)
    expect(error.message).not.toContain('hunter2')
  })

  test('an empty file and comments are no problem', async () => {
    file('# nothing yet\n')
    expect((await resolve()).values.memory).toBe(1024 ** 3)
  })

  test('control characters of a key are escaped', async () => {
    file('"\\e[31mred": 1')
    const error = await problemsOf(() => resolve())
    expect(error.message).toContain('\\u{1b}[31mred')
    expect(error.message).not.toContain('\u001b')
  })

  test.each([
    [{ since: '2026-03-02T00:00:00Z', until: '2026-03-01T00:00:00Z' }, /--until: is not after --since/],
    [{ since: '2026-03-01T01:00:00+01:00', until: '2026-03-01T00:00:00Z' }, /--until: is not after --since/],
    [{ quiet: true, verbose: true }, /--quiet: excludes --verbose/],
    [{ json: true, format: 'CSV' }, /--json: excludes --format/],
    [{ memory: ['64MiB', '1GiB'] }, /--memory: is given more than once/],
    [{ expired: 'maybe' }, /--expired: is not one of refuse, skip, include/],
    [{ embedded: '' }, /--embedded: is empty/],
  ])('%j', async (flags, message) => {
    const error = await problemsOf(() => resolve(flags))
    expect(error.message).toMatch(message)
    expect(error.code).toMatch(/usage|config/)
  })
})

describe('options of a run', () => {
  test('defaults', async () => {
    expect(replayOptions(await resolve({ source: ['wal'] }))).toEqual({
      sources: ['wal'],
      s3: { endpoint: undefined, pathStyle: false, timeoutMs: 30_000, checksums: 'always' },
      sinceMs: undefined,
      untilMs: undefined,
      tenants: [],
      acceptFuture: false,
      concurrency: 4,
      memoryBytes: 1_073_741_824,
      stateDir: '.obleth-ledger',
      target: {
        url: undefined,
        user: 'default',
        password: undefined,
        caCertificates: undefined,
        database: 'obleth',
        embedded: './obleth-ledger-data',
        timeoutMs: 300_000,
      },
      dryRun: false,
      stageOnly: false,
      createSchema: false,
      expired: 'refuse',
      publish: 'move',
      repairRollup: false,
      breakLock: false,
      retentionDays: 180,
      yes: false,
    })
  })

  test('the same values from a file as from flags', async () => {
    file(`source: [a, "b c"]
since: 1772323200000
until: 2026-03-02T00:00:00+01:00
tenant: 0A1B2C3D-0000-4000-8000-00000000ABCD
concurrency: 2
memory: 64MiB
yes: true
dry-run: yes
`)
    expect(replayOptions(await resolve())).toMatchObject({
      sources: ['a', 'b c'],
      sinceMs: 1772323200000,
      untilMs: 1772406000000,
      tenants: ['0a1b2c3d-0000-4000-8000-00000000abcd'],
      concurrency: 2,
      memoryBytes: 67_108_864,
      yes: true,
      dryRun: true,
    })
  })

  test('lists in variables: tenants by comma, sources by line; the same tenant twice is one', async () => {
    const id = (n: number) => `0000000${n}-0000-4000-8000-000000000000`
    const env = { OBLETH_LEDGER_TENANT: `${id(1)}, ${id(2)},${id(1)}`, OBLETH_LEDGER_SOURCE: '/a/{x,y}\n/b c\n' }
    expect(inputOptions(await resolve({}, env))).toMatchObject({
      tenants: [id(1), id(2)],
      sources: ['/a/{x,y}', '/b c'],
    })
  })

  test("obleth's own WAL path is the source where none is named", async () => {
    const env = { OBLETH_WAL_PATH: '/var/lib/obleth/telemetry.wal' }
    expect(inputOptions(await resolve({ source: [] }, env)).sources).toEqual(['/var/lib/obleth/telemetry.wal'])
    expect(inputOptions(await resolve({ source: ['w'] }, env)).sources).toEqual(['w'])
    expect((await problemsOf(async () => inputOptions(await resolve({ source: [] })))).code).toBe('usage')
  })

  test('NO_COLOR means no colours whatever it holds', async () => {
    expect((await resolve({}, { NO_COLOR: '0' })).values['no-color']).toBe(true)
    expect((await resolve({}, { NO_COLOR: '' })).values['no-color']).toBe(false)
  })
})
