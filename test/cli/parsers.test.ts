import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import * as parse from '../../src/config/parsers.js'

/** The value, or the message of the one problem. */
function outcome<T>(parser: parse.Parser<T>, text: string): T | string | undefined {
  const result = parser.safeParse(text)
  return result.success ? result.data : `problem: ${result.error.issues[0].message}`
}

test.each([
  ['2026-03-01T00:00:00Z', 1772323200000],
  ['2026-03-01T00:00:00+01:00', 1772319600000],
  ['2026-03-01t00:00:00z', 1772323200000],
  ['2026-03-01 05:30:00.250+05:30', 1772323200250],
  ['1970-01-01T00:00:00Z', 0],
  // Below the millisecond: rounded up, at either end of a half-open window over whole milliseconds.
  ['2026-03-01T00:00:00.0000001Z', 1772323200001],
  ['1969-12-31T23:59:59.9995Z', 0],
  ['1772323200000', 1772323200000],
  ['0', 0],
])('time %s is %d', (text, ms) => {
  expect(outcome(parse.moment, text)).toBe(ms)
})

test.each([
  ['2026-03-01T00:00:00', /no time zone offset/],
  ['2026-03-01', /no time zone offset/],
  ['2026-02-30T00:00:00Z', /does not exist/],
  ['2026-03-01T25:00:00Z', /does not exist/],
  ['2026-03-01T00:00:00[Europe/Berlin]', /not a time/],
  ['yesterday', /not a time/],
  ['', /not a time/],
  ['-5', /not a time/],
  ['1772323200', /looks like seconds/],
  ['1772323200000000', /after the year 2100/],
])('time %j is refused', (text, message) => {
  expect(outcome(parse.moment, text)).toMatch(message)
})

test('a range of times is half open', () => {
  const window = { fromMs: 1772323200000, toMs: 1772326800000 }
  expect(outcome(parse.momentRange, '2026-03-01T00:00:00Z..2026-03-01T01:00:00Z')).toEqual(window)
  expect(outcome(parse.momentRange, '1772323200000 .. 2026-03-01T02:00:00+01:00')).toEqual(window)
})

test.each([
  ['2026-03-01T00:00:00Z', /two times/],
  ['', /two times/],
  ['2026-03-01T00:00:00Z..2026-03-01T01:00:00Z..2026-03-01T02:00:00Z', /two times/],
  ['2026-03-01..2026-03-02', /no time zone offset/],
  ['2026-03-01T00:00:00Z..', /not a time/],
  ['2026-03-01T01:00:00Z..2026-03-01T00:00:00Z', /ends before/],
  ['1772323200000..1772323200000', /ends before/],
])('range %j is refused', (text, message) => {
  expect(outcome(parse.momentRange, text)).toMatch(message)
})

test.each([
  ['64MiB', 67_108_864],
  ['1GiB', 1_073_741_824],
  ['1.5GiB', 1_610_612_736],
  ['500MB', 500_000_000],
  ['67108864', 67_108_864],
  ['64 mib', 67_108_864],
])('size %s is %d bytes', (text, bytes) => {
  expect(outcome(parse.byteSize(16 * 2 ** 20), text)).toBe(bytes)
})

test.each(['64M', '-1GiB', '1e9', 'lots', '', '15MiB', '9999999TiB'])('size %j is refused', (text) => {
  expect(outcome(parse.byteSize(16 * 2 ** 20), text)).toMatch(/^problem/)
})

test.each([
  [65_536, 'is less than 64KiB'],
  [16 * 2 ** 20, 'is less than 16MiB'],
])('a size below %d is told in the unit of the limit', (min, told) => {
  expect(outcome(parse.byteSize(min), '1000')).toContain(told)
})

test.each([
  ['1500ms', 1500],
  ['30s', 30_000],
  ['5m', 300_000],
  ['24h', 86_400_000],
])('duration %s is %d ms', (text, ms) => {
  expect(outcome(parse.duration, text)).toBe(ms)
})

test.each(['30', '0s', '25h', '1d', '-5s'])('duration %j is refused', (text) => {
  expect(outcome(parse.duration, text)).toMatch(/^problem/)
})

test.each([
  '0A1B2C3D-0000-4000-8000-00000000ABCD',
  '0a1b2c3d00004000800000000000abcd',
  'urn:uuid:0a1b2c3d-0000-4000-8000-00000000abcd',
  '{0a1b2c3d-0000-4000-8000-00000000abcd}',
])('tenant %s', (text) => {
  expect(outcome(parse.uuid, text)).toBe('0a1b2c3d-0000-4000-8000-00000000abcd')
})

test.each(['acme', '0a1b2c3d-0000-4000-8000-00000000abc', '0a1b2c3d-00004000-8000-00000000abcd', "' OR 1=1"])(
  'tenant %j is refused',
  (text) => {
    expect(outcome(parse.uuid, text)).toMatch(/not a UUID/)
  },
)

test.each([
  ['http://host:8123', 'http://host:8123'],
  ['https://host/', 'https://host'],
  ['http://host:8123/proxy/ch//', 'http://host:8123/proxy/ch'],
  ['http://[::1]:8123', 'http://[::1]:8123'],
])('URL %s', (text, url) => {
  expect(outcome(parse.serverUrl, text)).toBe(url)
})

test.each(['host:8123', 'tcp://host:9000', 'http://host?password=hunter2', 'http://', 'http://h#hunter2'])(
  'URL %j is refused, and not repeated',
  (text) => {
    expect(outcome(parse.serverUrl, text)).toMatch(/^problem/)
    expect(outcome(parse.serverUrl, text)).not.toContain('hunter2')
  },
)

test.each(['obleth', 'a_1', 'x'.repeat(64)])('database %s', (name) => {
  expect(outcome(parse.identifier, name)).toBe(name)
})

test.each(['', 'a b', 'a`b', 'a-b', 'x'.repeat(65), 'ä'])('database %j is refused', (name) => {
  expect(outcome(parse.identifier, name)).toMatch(/^problem/)
})

test('whole numbers have bounds', () => {
  const parser = parse.wholeNumber(1, 64)
  expect([1, 64].map((n) => outcome(parser, String(n)))).toEqual([1, 64])
  for (const text of ['0', '65', '1.5', '-1', '1e1', '0x10', '', ' 4'])
    expect(outcome(parser, text)).toMatch(/^problem/)
})

test('a password shows nowhere', () => {
  const secret = parse.secret.parse('hunter2')
  expect(secret.reveal()).toBe('hunter2')
  for (const shown of [String(secret), JSON.stringify({ secret }), inspect(secret), inspect({ a: [secret] })]) {
    expect(shown).not.toContain('hunter2')
  }
})
