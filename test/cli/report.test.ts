import { describe, expect, test } from 'vitest'
import type { BackupManifest } from '../../src/domain/backup.js'
import type { RunDocument } from '../../src/domain/document.js'
import { LedgerError } from '../../src/domain/errors.js'
import type { PostgresRestoreOutcome } from '../../src/domain/postgres-restore.js'
import { printable } from '../../src/domain/printable.js'
import { renderBackup } from '../../src/report/backups.js'
import { renderBalance } from '../../src/report/balance.js'
import { renderCollect } from '../../src/report/collect.js'
import { renderFailure } from '../../src/report/failure.js'
import { moment, size, time } from '../../src/report/format.js'
import { renderPlan } from '../../src/report/plan.js'
import { renderPostgresRestore } from '../../src/report/restore-postgres.js'
import { createStyle } from '../../src/report/style.js'
import { renderInspect, renderReplay } from '../../src/report/summary.js'
import { terminalText } from '../../src/report/terminal-text.js'
import { renderWarnings } from '../../src/report/warnings.js'
import { document, inspectOutcome, plan, replayOutcome } from './samples.js'

const style = createStyle(false)
const REDIS_BACKUP: BackupManifest = {
  store: 'redis',
  id: '20260301T000000Z-abcdef',
  tool: '0.1.0',
  programs: {},
  serverVersion: '7.0.15',
  source: 'redis://127.0.0.1:6379',
  contents: { databases: [], tables: [{ table: 'db0', rows: 1 }], facts: {} },
  notes: [],
  startedAt: '2026-03-01T00:00:00.000Z',
  finishedAt: '2026-03-01T00:00:01.000Z',
  encryption: 'none',
  serverSideEncryption: null,
  files: [],
}
const view = { style, all: false }
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not appear
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e\u2028]/

/** Numbers of a sum as a reader sees it: the total, then the parts behind = and +. */
function sumsIn(text: string): { total: number; parts: number[] }[] {
  const sums: { total: number; parts: number[] }[] = []
  for (const line of text.split('\n')) {
    const found = /^ {2}([ =+]) [a-z ]+? +([\d,]+)$/.exec(line)
    if (!found) continue
    const value = Number(found[2].replaceAll(',', ''))
    if (found[1] === ' ') sums.push({ total: value, parts: [] })
    else sums.at(-1)?.parts.push(value)
  }
  return sums
}

const add = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0)

describe('balance', () => {
  test('the numbers on the page add up, lines and records', () => {
    const text = renderBalance(document(), true, style).join('\n')
    const [lines, records] = sumsIn(text)
    expect(lines).toEqual({ total: 1010, parts: [7, 1, 1, 1001] })
    expect(records).toEqual({ total: 1003, parts: [900, 90, 0, 10, 3] })
    for (const sum of [lines, records]) expect(add(sum.parts)).toBe(sum.total)
    expect(text.match(/adds up/g)).toHaveLength(2)
    expect(text).toContain('2 repaired')
    expect(text).toContain('4 salvaged')
  })

  test.each([
    ['missing', 1000, /3 missing/],
    ['too many', 1006, /3 too many/],
  ])('a balance that has %s says so', (_name, counted, message) => {
    const base = document()
    const lost: RunDocument = { ...base, records: { ...base.records, inserted: 900 + (counted - 1003) } }
    expect(renderBalance(lost, true, style).join('\n')).toMatch(new RegExp(`DOES NOT ADD UP: ${message.source}`))
  })

  test('a run that did not publish says how many records it left out, and still adds up', () => {
    const base = document()
    const staged = { ...base, records: { ...base.records, inserted: 0 } }
    const text = renderBalance(staged, false, style).join('\n')
    expect(text).toMatch(/not inserted +900/)
    expect(add(sumsIn(text)[1].parts)).toBe(1003)
  })
})

describe('summary of a replay', () => {
  test('what a person checks by eye', () => {
    const text = renderReplay(replayOutcome(), false, view)
    for (const part of [
      'replay r1: done\n',
      'embedded ledger in ./obleth-ledger-data, obleth.usage (MergeTree, ClickHouse 26.7.2)',
      '4 pods, 12 files, 586 KiB',
      '2026-03-01T00:00:00Z to 2026-03-03T01:02:03.004Z',
      'all: 5 before + 900 inserted = 905; after: 905',
      'region (17)',
      'usage_daily agrees with usage',
      'Trace spans are not in the WAL and cannot be rebuilt.',
      'kept, byte for byte, in .obleth-ledger/quarantine.jsonl',
      "Next\n  obleth-ledger query 'SELECT count() FROM usage'",
      '1.5 s, 669 records/s, 391 KiB/s, at most 300 MiB of memory',
    ]) {
      expect(text).toContain(part)
    }
    expect(text).toMatch(/2026-03-01 +0a1b2c3d-0000-4000-8000-00000000abcd +5 +600 +605/)
    expect(text).not.toContain('other requests')
    expect(text).not.toContain('still running')
  })

  test('other traffic during the run is named', () => {
    const outcome = replayOutcome()
    const days = outcome.days.map((row, i) => (i === 0 ? { ...row, after: 608 } : row))
    expect(renderReplay({ ...outcome, days }, false, view)).toContain(
      'in 1 row other requests came or went while this ran',
    )
  })

  test('long tables are cut and say by how much, with the sum over all rows', () => {
    const outcome = replayOutcome()
    const days = Array.from({ length: 100 }, (_, i) => ({
      ...outcome.days[0],
      day: `day-${i}`,
      before: 0,
      inserted: 2,
      after: 2,
    }))
    const cut = renderReplay({ ...outcome, days }, false, view)
    expect(cut).toContain('… 60 more')
    expect(cut).toContain('day-39')
    expect(cut).not.toContain('day-40')
    expect(cut).toContain('0 before + 200 inserted = 200; after: 200')
    expect(renderReplay({ ...outcome, days }, false, { style, all: true })).toContain('day-99')
  })

  test('a mismatch of the rollup comes with all its bounds', () => {
    const outcome = replayOutcome()
    const warnings = [1, 2, 3, 4, 5].map((n) => ({
      class: 'rollup_bounds',
      message: `group ${n} too low by at most ${n}`,
    }))
    const mismatch = { ...outcome.document, status: 'mismatch' as const, rollup: 'mismatch' as const, warnings }
    const text = renderReplay({ ...outcome, document: mismatch }, false, view)
    expect(text).toContain('does not agree with usage; the bounds are:')
    expect(text.indexOf('group 5')).toBeGreaterThan(text.indexOf('Rollup'))
    expect(text).not.toContain('Warnings')
  })

  test('live pods are named with what to do', () => {
    const outcome = replayOutcome()
    const live = [{ pod: 'pod-a', reason: 'grew by 300 bytes' }]
    const text = renderReplay({ ...outcome, plan: { ...outcome.plan, live } }, false, view)
    expect(text).toContain('1 source looks as if the pod were still running:')
    expect(text).toContain('pod-a: grew by 300 bytes')
    expect(text).toContain('Let it drain first')
  })

  test('unreadable files are listed', () => {
    const outcome = replayOutcome()
    const sources = {
      ...outcome.document.sources,
      unreadable: [{ path: 'pod-a/x.jsonl', reason: 'permission denied' }],
    }
    const text = renderReplay({ ...outcome, document: { ...outcome.document, sources } }, false, view)
    expect(text).toContain('Could not be read\n  pod-a/x.jsonl: permission denied')
  })

  test('a staged run is not called done', () => {
    const outcome = replayOutcome()
    const text = renderReplay(outcome, true, view)
    expect(text).toContain('replay r1: staged and verified, not published\n')
  })
})

test('summary of an inspection: distinct records, pods and tenants', () => {
  const text = renderInspect(inspectOutcome(), view)
  // 1,003 decoded less 90 duplicates and 3 filtered out
  expect(text).toMatch(/= distinct +910/)
  expect(add(sumsIn(text)[1].parts)).toBe(1003)
  expect(text).toMatch(/pod-a +3 +1\.0 KiB +903 +1970-01-01T00:00:00Z +2026-03-01T00:00:00Z +0/)
  expect(text).toMatch(/pod-b +1 +10 B +0 +- +- +2/)
  expect(text).not.toContain('target')
})

test('warnings are grouped by class, cut, and counted by what they stand for', () => {
  const warnings = [
    ...[1, 2, 3, 4, 5].map((line) => ({ class: 'torn_tail', message: 'cut off', path: 'p/a.jsonl', line })),
    { class: 'retention', message: 'older than 180 days', count: 1200 },
  ]
  const lines = renderWarnings(warnings, false, style)
  expect(lines).toEqual([
    '  torn_tail (5)',
    '    p/a.jsonl:1: cut off',
    '    p/a.jsonl:2: cut off',
    '    p/a.jsonl:3: cut off',
    '    … 2 more; --verbose prints them all',
    '  retention (1,200)',
    '    older than 180 days (1,200 times)',
  ])
  expect(renderWarnings(warnings, true, style)).toContain('    p/a.jsonl:5: cut off')
})

test('the plan lists steps in order, notes and target', () => {
  const lines = renderPlan(plan(), style)
  expect(lines).toContain('  run      r1 (starts a new run)')
  expect(lines.filter((line) => /^ +\d\. /.test(line))).toEqual(['   1. read 12 files', '   2. stage', '   3. publish'])
  expect(lines).toContain('  note the table has a TTL of 90 days')
})

describe('text from outside', () => {
  test.each([
    ['\u001b[2Jx', '\\u{1b}[2Jx'],
    ['a\nb\r\tc\0', 'a\\nb\\r\\tc\\0'],
    ['\u009b31m', '\\u{9b}31m'],
    ['a\u202eb', 'a\\u{202e}b'],
    ['a\u2028b', 'a\\u{2028}b'],
    ['\ud83d', '\\u{d83d}'],
    ['pod 😀 ä 日本', 'pod 😀 ä 日本'],
  ])('%j is shown as %s', (text, shown) => {
    expect(printable(text)).toBe(shown)
  })

  test('no control character of a name, message or field reaches the terminal', () => {
    const evil = 'e\u001b]0;x\u0007\r\nv\u202ei\u009bl'
    const outcome = replayOutcome()
    const tainted: RunDocument = {
      ...outcome.document,
      runId: evil,
      target: { ...plan().target, location: evil, database: evil, engine: evil, version: evil },
      sources: { ...outcome.document.sources, unreadable: [{ path: evil, reason: evil }] },
      unknownFields: [{ name: evil, count: 1 }],
      warnings: [
        { class: evil, message: evil, path: evil },
        { class: `rollup_${evil}`, message: evil },
      ],
      quarantine: evil,
    }
    const days = [{ ...outcome.days[0], day: evil, tenantId: evil }]
    const live = [{ pod: evil, reason: evil }]
    const all = { ...plan(), runId: evil, target: tainted.target ?? plan().target, live, steps: [evil], notes: [evil] }
    const texts = [
      renderReplay({ document: tainted, days, plan: all, nextSteps: [evil] }, false, view),
      renderInspect(
        {
          document: { ...tainted, command: 'inspect' },
          podsTable: [{ ...inspectOutcome().podsTable[0], pod: evil }],
          tenants: [{ tenantId: evil, records: 1 }],
        },
        view,
      ),
      renderPlan(all, style).join('\n'),
      renderFailure(new LedgerError('refused', evil, { place: evil, hint: evil }), true, style),
      renderFailure(new Error(evil), true, style),
    ]
    for (const text of texts) expect(text).not.toMatch(CONTROL)
  })

  test('results on a terminal are escaped across chunks, save line feeds and tabs', async () => {
    const safe = terminalText()
    const bytes = Buffer.from('a\tä\u001b[31m\n\u009bb', 'utf8')
    for (const byte of bytes) safe.write(Buffer.from([byte]))
    safe.end()
    const parts: string[] = []
    for await (const part of safe) parts.push(String(part))
    expect(parts.join('')).toBe('a\tä\\u{1b}[31m\n\\u{9b}b')
  })
})

describe('failure', () => {
  test('message, place and hint, a line each', () => {
    const error = new LedgerError('refused', 'first\nsecond', { place: 'http://h', hint: 'do this' })
    expect(renderFailure(error, true, style)).toBe('error first\n      second\n   at http://h\n hint do this\n')
  })

  test('an unexpected error asks for a report; its stack is shown only when asked for', () => {
    const error = new TypeError('x is not a function')
    const brief = renderFailure(error, false, style)
    expect(brief).toContain('unexpected error: x is not a function')
    expect(brief).toContain('--verbose')
    expect(brief).not.toContain('report.test.ts')
    expect(renderFailure(error, true, style)).toContain('report.test.ts')
  })
})

test('units', () => {
  expect([0, 1023, 1024, 1536, 600_000_000].map(size)).toEqual(['0 B', '1023 B', '1.0 KiB', '1.5 KiB', '572 MiB'])
  expect([999, 1500, 59_960, 125_000, 3_780_000].map(time)).toEqual([
    '999 ms',
    '1.5 s',
    '1 min 0 s',
    '2 min 5 s',
    '1 h 3 min',
  ])
  expect([0, 1.8e12 + 5].map(moment)).toEqual(['1970-01-01T00:00:00Z', '2027-01-15T08:00:00.005Z'])
})

test('the command to run next can be pasted, wherever things lie', () => {
  const collected = { bundle: "/mnt/it's here", files: [], written: 0, unreadable: [], warnings: [], live: [] }
  expect(renderCollect(collected, false, style)).toContain(
    "next: obleth-ledger collect --verify --to '/mnt/it'\\''s here'\n",
  )
  expect(renderBackup(REDIS_BACKUP, 'my backups', style)).toContain(
    "next: obleth-ledger backups verify 20260301T000000Z-abcdef --backups 'my backups'\n",
  )
})

test('what Redis holds are keys', () => {
  expect(renderBackup(REDIS_BACKUP, 'backups', style)).toContain('db0: 1 key\n')
})

test('a plan of a restore that was shown with the question is not shown again', () => {
  const declined: PostgresRestoreOutcome = {
    plan: {
      backup: '20260301T000000Z-abcdef',
      place: 'backups',
      takenAt: '2026-03-01T00:00:00.000Z',
      backupVersion: '15.18',
      target: 'db:5432/obleth',
      targetVersion: '15.18',
      tables: [],
      largeObjects: { now: 0, inBackup: 0 },
      sessions: [],
      roles: { rule: 'require', missing: [] },
      keptExtensions: [],
      notes: [],
    },
    restored: false,
    tables: [],
    differences: [],
    lost: [],
    tookMs: 0,
    restart: null,
  }
  expect(renderPostgresRestore(declined, false, true, style)).toBe('nothing was changed\n')
  expect(renderPostgresRestore(declined, true, false, style)).toContain('into db:5432/obleth')
})
