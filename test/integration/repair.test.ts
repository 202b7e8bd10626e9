import { afterEach, beforeEach, expect, it } from 'vitest'
import type { RepairOutcome } from '../../src/domain/repair.js'
import { LedgerDir } from '../support/ledger-dir.js'
import { insertOf, ROLLUP_SQL, record, rollupOf, SEGMENT, segment } from '../support/records.js'

const ALL = Array.from({ length: 300 }, (_, n) => record(n))

let dir: LedgerDir

beforeEach(() => {
  dir = new LedgerDir()
})
afterEach(() => dir.remove())

const repair = (...args: string[]) => {
  const { code, stderr, document } = dir.run(['repair', ...args])
  return { code, stderr, outcome: document as unknown as RepairOutcome }
}

/** `usage` bit for bit, and the rollup's integers. */
function ledgerNow() {
  const [[usage], sums] = dir.sql('SELECT count() AS rows, sum(cityHash64(*)) AS hash FROM obleth.usage', ROLLUP_SQL)
  return { usage, rollup: Object.fromEntries(sums.map(({ key, sums: s }) => [key, s])) }
}

it('brings an embedded ledger back to the bit, and can be taken for granted afterwards', () => {
  dir.write(SEGMENT, segment([ALL]))
  dir.replay()
  const before = ledgerNow()
  expect(before.rollup).toEqual(rollupOf(ALL))
  dir.sql(insertOf(ALL.slice(0, 120)))
  const doubled = ledgerNow()
  const look = repair('--dry-run')
  expect([look.code, look.outcome.found.days.reduce((sum, { copies }) => sum + copies, 0)], look.stderr).toEqual([
    4, 120,
  ])
  expect(ledgerNow()).toEqual(doubled)
  const done = repair()
  expect([done.code, done.outcome.removed, done.outcome.left], done.stderr).toEqual([0, 120, { days: [], drifted: [] }])
  expect(ledgerNow()).toEqual(before)
  expect(repair().outcome.repaired).toBe(false)
})

it('says that there is nothing where nothing ever was', () => {
  const { code, stderr } = dir.run(['repair'])
  expect([code, stderr]).toEqual([10, expect.stringMatching('no table usage')])
})
