import { expect, test } from 'vitest'
import { exitCodeOfDocument, exitCodeOfError } from '../../src/cli/exit-codes.js'
import { type ErrorCode, LedgerError } from '../../src/domain/errors.js'
import { document } from './samples.js'

const ERRORS: Record<ErrorCode, number> = {
  usage: 2,
  config: 2,
  source_not_found: 10,
  source_unreachable: 13,
  source_failed: 1,
  access_denied: 12,
  target_unreachable: 13,
  target_locked: 11,
  refused: 5,
  target_failed: 1,
  disk_full: 1,
  state_damaged: 1,
  verification_failed: 1,
  internal: 1,
  interrupted: 130,
}

test.each(Object.entries(ERRORS) as [ErrorCode, number][])('error %s exits with %d', (code, exit) => {
  expect(exitCodeOfError(new LedgerError(code, 'x'), null)).toBe(exit)
})

test('an interruption by SIGTERM exits with 143, by SIGINT with 130; other errors keep their code', () => {
  expect(exitCodeOfError(new LedgerError('interrupted', 'x'), 'SIGTERM')).toBe(143)
  expect(exitCodeOfError(new LedgerError('interrupted', 'x'), 'SIGINT')).toBe(130)
  expect(exitCodeOfError(new LedgerError('disk_full', 'x'), 'SIGTERM')).toBe(1)
})

test('an error that nobody meant exits with 1', () => {
  for (const thrown of [new TypeError('x'), 'text', undefined]) expect(exitCodeOfError(thrown, null)).toBe(1)
})

const unreadable = [{ path: 'a', reason: 'no' }]

test.each([
  ['ok', {}, 0],
  ['incomplete', {}, 3],
  ['mismatch', {}, 4],
  ['refused', {}, 5],
  ['failed', {}, 1],
  ['ok, rollup mismatch', { rollup: 'mismatch' }, 4],
  ['ok, a file unreadable', { unreadable }, 3],
  ['ok, conflicts', { conflicts: 1 }, 3],
  ['mismatch, a file unreadable', { unreadable }, 4],
  ['refused, rollup mismatch', { rollup: 'mismatch', unreadable }, 5],
  ['failed, rollup mismatch', { rollup: 'mismatch', unreadable, conflicts: 2 }, 1],
] as const)(
  'document %s exits with %d',
  (name, {
    rollup = 'consistent',
    unreadable = [],
    conflicts = 0,
  }: {
    rollup?: 'mismatch' | 'consistent'
    unreadable?: readonly { path: string; reason: string }[]
    conflicts?: number
  }, exit) => {
    const base = document()
    const status = name.split(',')[0] as typeof base.status
    const given = { ...base, status, rollup, sources: { ...base.sources, unreadable: [...unreadable] } }
    expect(exitCodeOfDocument({ ...given, records: { ...base.records, conflicts } })).toBe(exit)
  },
)

test('warnings alone leave 0', () => {
  const base = document()
  const lines = { ...base.lines, tornTails: 2 }
  const records = { ...base.records, repaired: 3, salvaged: 1 }
  expect(exitCodeOfDocument({ ...base, lines, records, warnings: [{ class: 'x', message: 'y' }] })).toBe(0)
})
