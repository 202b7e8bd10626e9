import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { cleanEnv, LedgerDir } from '../support/ledger-dir.js'
import { lineOf, record, SEGMENT, segment } from '../support/records.js'

const CLI = fileURLToPath(new URL('../../bin/obleth-ledger.js', import.meta.url))

let dir: LedgerDir
beforeEach(() => {
  dir = new LedgerDir()
})
afterEach(() => dir.remove())

describe('what a run tells of its input', () => {
  it('inspect names every tenant with its records, copies included', () => {
    const records = Array.from({ length: 25 }, (_, n) => record(n))
    dir.write(SEGMENT, segment([records, records.slice(0, 4)]))
    const { stdout, status } = spawnSync(process.execPath, [CLI, 'inspect', dir.pods, '--state-dir', dir.state], {
      cwd: dir.root,
      env: cleanEnv(),
      encoding: 'utf8',
    })
    expect(status).toBe(0)
    // Tenants take turns: 13 and 12 of the records, and two copies each.
    expect(stdout).toMatch(new RegExp(`${record(0).tenant_id} +15\\b`))
    expect(stdout).toMatch(new RegExp(`${record(1).tenant_id} +14\\b`))
  })

  it('a replay warns of a column with a text of its own in each record, and loads all of them', () => {
    const lines = Array.from({ length: 8300 }, (_, n) => lineOf(record(n)).replace('"fast"', `"own-${n}"`))
    dir.write(SEGMENT, `${lines.join('\n')}\n`)
    const { code, document } = dir.replay()
    expect([code, document.records.inserted]).toEqual([0, 8300])
    expect(document.warnings.filter((warning) => warning.class === 'wide_column')).toMatchObject([{ count: 8300 }])
    const [[{ distinct }]] = dir.sql('SELECT uniqExact(admission) AS distinct FROM obleth.usage')
    expect(distinct).toBe('8300')
  })
})
