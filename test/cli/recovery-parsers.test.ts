import { expect, test } from 'vitest'
import * as parse from '../../src/config/parsers.js'

const outcome = <T>(parser: parse.Parser<T>, text: string): T | string | undefined => {
  const result = parser.safeParse(text)
  return result.success ? result.data : `problem: ${result.error.issues[0].message}`
}

test.each([
  ['2026-03-01T12:00:00.123456+01:00', 1_772_362_800_123_456n],
  ['2026-03-01T11:00:00.000001Z', 1_772_362_800_000_001n],
  ['2026-03-01T11:00:00.123456000Z', 1_772_362_800_123_456n],
  ['2026-03-01 11:00:00Z', 1_772_362_800_000_000n],
  ['1772362800123', 1_772_362_800_123_000n],
])('moment of a recovery %s is %d µs', (text, us) => {
  expect(outcome(parse.microseconds, text)).toBe(us)
})

test.each([
  ['2026-03-01T12:00:00', /no time zone offset/],
  ['2025-06-15 12:00:00', /no time zone offset/],
  ['2026-03-01T11:00:00.1234567Z', /finer than a microsecond/],
  ['2026-02-30T00:00:00Z', /does not exist/],
  ['latest', /not a time/],
])('moment of a recovery %j is refused', (text, message) => {
  expect(outcome(parse.microseconds, text)).toMatch(message)
})

test.each([
  ['/var/lib/postgresql/15/main', '/var/lib/postgresql/15/main'],
  ['/srv/pg-2_b.old+x@y~1/', '/srv/pg-2_b.old+x@y~1'],
  ['/srv/dätä', '/srv/dätä'],
])('path %s', (text, path) => {
  expect(outcome(parse.absolutePath, text)).toBe(path)
})

test.each([
  'relative',
  '/',
  '//a',
  '/a b',
  '/a\nrestore_command=evil',
  "/a'b",
  '/a"b',
  '/a$(id)',
  '/a%p',
  '/a;b',
  '/a/../etc',
  '/a/.',
  '/a\\b',
  '/a`id`',
  '/a#b',
  '/a\u001b[31m',
  '',
])('path %j is refused', (text) => {
  expect(outcome(parse.absolutePath, text)).toMatch(/^problem/)
})

test.each([
  [parse.socketOrHost, ['/run/pg', 'db.example', '10.0.0.5'], ['', '/a b', 'host name', 'h;id', '-x', '/..']],
  [parse.clusterName, ['obleth', 'Obleth_1-b'], ['', '1a', 'a b', 'a]\n[x', 'a.b', '-a', 'a'.repeat(64)]],
  [parse.roleName, ['postgres', '_x', 'a-b'], ['', "a'b", 'a b', '1a', 'ä']],
  [parse.kubernetesName, ['obleth', 'a', 'a-1'], ['', 'A', '-a', 'a-', 'a_b', 'a'.repeat(64)]],
  [parse.regionName, ['us-east-1', 'SFO3'], ['', 'a b', 'a\nb', 'a/b']],
] as const)('names %#', (parser, good, bad) => {
  for (const text of good) expect(outcome(parser, text)).toBe(text)
  for (const text of bad) expect(outcome(parser, text)).toMatch(/^problem/)
})

test.each([
  ['/srv/wal', { kind: 'folder', path: '/srv/wal' }],
  ['s3://obleth-wal', { kind: 's3', bucket: 'obleth-wal', prefix: '' }],
  ['s3://obleth-wal/', { kind: 's3', bucket: 'obleth-wal', prefix: '' }],
  ['s3://obleth.wal/a//b_c/', { kind: 's3', bucket: 'obleth.wal', prefix: 'a/b_c' }],
])('repository %s', (text, repository) => {
  expect(outcome(parse.repository, text)).toEqual(repository)
})

test.each([
  'wal',
  's3://',
  's3://ab',
  's3://Bucket/x',
  's3://bucket/a b',
  's3://bucket/../x',
  's3://bucket/a\nb',
  'gs://bucket',
])('repository %j is refused', (text) => {
  expect(outcome(parse.repository, text)).toMatch(/^problem/)
})

test.each([
  ['90s', 90_000],
  ['10m', 600_000],
  ['26h', 93_600_000],
  ['7d', 604_800_000],
])('age %s is %d ms', (text, ms) => {
  expect(outcome(parse.age, text)).toBe(ms)
})

test.each(['', '0h', '26', '1.5h', '1w', '-1h', '1 h'])('age %j is refused', (text) => {
  expect(outcome(parse.age, text)).toMatch(/^problem/)
})
