import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { differences } from './compare.js'
import { writeOutage } from './outage-story.js'

const OUTAGE = fileURLToPath(new URL('./outage', import.meta.url))
const expected = JSON.parse(readFileSync(join(OUTAGE, 'expected.json'), 'utf8'))

/** What a replay without fault would show. @returns {any} */
function shown() {
  const { earlierRows, exitCode, lines, records, rejected, rollup, rollupStatus, sources, total, unknownFields } =
    expected
  const again = { sources, lines, unknownFields, rollup: rollupStatus }
  const rows = String(earlierRows + records.inserted)
  return structuredClone({
    exitCode,
    again: {
      ...again,
      records: { ...records, inserted: 0, alreadyInLedger: records.alreadyInLedger + records.inserted },
    },
    quarantined: rejected.map((/** @type {object} */ entry) => ({ ...entry, detail: 'in words', bytes: '' })),
    usage: [{ rows, ids: rows }],
    total: [{ requests: total.requests, cost_usd_sum: Number(total.cost_usd_sum) }],
    dayTenants: expected.dayTenants,
    rollup,
  })
}

test('samples/outage is what its generator writes, byte for byte', () => {
  const fresh = mkdtempSync(join(tmpdir(), 'outage-'))
  try {
    writeOutage(fresh)
    const made = readdirSync(fresh, { recursive: true, encoding: 'utf8' }).filter((name) =>
      statSync(join(fresh, name)).isFile(),
    )
    expect(made.length).toBeGreaterThan(15)
    for (const name of made) expect(readFileSync(join(fresh, name)).equals(readFileSync(join(OUTAGE, name)))).toBe(true)
    const there = readdirSync(OUTAGE, { recursive: true, encoding: 'utf8' }).filter((name) =>
      statSync(join(OUTAGE, name)).isFile(),
    )
    expect(there.filter((name) => name !== 'README.md').sort()).toEqual(made.sort())
  } finally {
    rmSync(fresh, { recursive: true })
  }
})

test('what it expects adds up', () => {
  const { dayTenants, lines, records, rejected, rollup } = expected
  expect(lines.read).toBe(lines.blank + lines.quarantined + lines.tornTails + lines.withRecords)
  expect(records.decoded).toBe(records.inserted + records.duplicates + records.alreadyInLedger)
  const sum = (/** @type {any[]} */ rows, /** @type {string} */ name) => rows.reduce((n, row) => n + row[name], 0)
  expect(sum(dayTenants, 'inserted')).toBe(records.inserted)
  expect(sum(dayTenants, 'before')).toBe(expected.earlierRows)
  expect(sum(rollup, 'requests')).toBeLessThan(sum(dayTenants, 'after'))
  expect(rejected).toHaveLength(lines.quarantined + lines.tornTails + records.salvaged)
})

test('no difference where there is none, and one for each thing that is wrong', () => {
  expect(differences(expected, shown())).toEqual([])
  const wrong = (/** @type {(result: any) => void} */ change) => {
    const result = shown()
    change(result)
    return differences(expected, result)
  }
  expect(
    wrong((r) => {
      r.exitCode = 0
    }),
  ).toEqual(['exit code: expected 3, got 0'])
  expect(
    wrong((r) => {
      r.usage[0].ids = '1'
    }),
  ).toHaveLength(1)
  expect(
    wrong((r) => {
      r.total[0].cost_usd_sum *= 1 + 1e-6
    }),
  ).toHaveLength(1)
  expect(
    wrong((r) => {
      r.total[0].cost_usd_sum *= 1 + 1e-14
    }),
  ).toEqual([])
  expect(
    wrong((r) => {
      r.rollup[3].output_tokens += 1
    }),
  ).toHaveLength(1)
  expect(
    wrong((r) => {
      r.dayTenants.pop()
    }),
  ).toHaveLength(1)
  expect(
    wrong((r) => {
      r.again.records.inserted = 5
    }),
  ).toHaveLength(1)
  expect(
    wrong((r) => {
      r.quarantined[0].length -= 1
    }),
  ).toHaveLength(1)
  expect(
    wrong((r) => {
      r.again.unknownFields = []
    }),
  ).not.toEqual([])
})
