import { afterEach, beforeEach, describe, expect, it } from 'vitest'
// @ts-expect-error a plain script, without types
import { oblethSchema } from '../../samples/obleth-schema.js'
import type { AuditOutcome } from '../../src/domain/audit.js'
import { LedgerDir } from '../support/ledger-dir.js'
import { insertOf, record, segment, type TestRecord } from '../support/records.js'

const [HOUR_MS, DAY_MS] = [3_600_000, 86_400_000]
/** Yesterday at noon: no record is past retention or in the future. */
const NOON = Math.floor(Date.now() / DAY_MS) * DAY_MS - DAY_MS / 2

let dir: LedgerDir

beforeEach(() => {
  dir = new LedgerDir()
  dir.sql(...oblethSchema())
})
afterEach(() => dir.remove())

const path = (pod: string, n = 0) =>
  `${pod}/telemetry.wal.segments/0177318000000000000${n}-0b0f5a3c-7f6e-4f60-9f06-8f3a4a0d9c11.jsonl`

/** Records n to n + count, a second apart, from an hour after (or before) yesterday's noon. */
const hour = (n: number, count: number, hours: number): TestRecord[] =>
  Array.from({ length: count }, (_, i) => record(n + i, { ts_ms: NOON + hours * HOUR_MS + i * 1000 }))

function audited(...args: string[]) {
  const { code, document } = dir.run(['audit', dir.pods, ...args])
  const { findings, notes } = document as unknown as AuditOutcome
  return { code, findings, notes }
}

const tokensOf = (rows: readonly TestRecord[]) => rows.reduce((sum, r) => sum + r.input_tokens + r.output_tokens, 0)
const costOf = (rows: readonly TestRecord[]) => rows.reduce((sum, r) => sum + r.cost_usd, 0)
const windowOf = (rows: readonly TestRecord[]) => ({ fromMs: rows[0].ts_ms, toMs: rows.at(-1)?.ts_ms })
const sizeOf = (rows: readonly TestRecord[]) => [rows.length, tokensOf(rows), costOf(rows)]

const told = (findings: AuditOutcome['findings'], kind: string) =>
  findings
    .filter((f) => f.kind === kind)
    .map(({ place, window, requests, tokens, costUsd }) => [place, window, [requests, tokens, costUsd]])

describe('audit against WAL files', () => {
  it('finds nothing where the ledger holds all of them, and leaves nothing behind', () => {
    const days = [hour(0, 300, 0), hour(300, 40, -1), hour(340, 5, -30)]
    dir.sql(...days.map(insertOf))
    dir.write(path('router-0'), segment([days[0], days[2]]))
    dir.write(path('router-1'), segment([days[1], days[0].slice(0, 50)]))
    const { code, findings, notes } = audited('--pods', 'router-0', '--pods', 'router-1')
    expect([code, findings]).toEqual([0, []])
    expect(notes).toContain('compared with 2 WAL files of 2 pods: 345 records')
    expect(dir.sql("SELECT name FROM system.tables WHERE database = 'obleth' AND name LIKE '%replay%'")[0]).toEqual([])
  })

  it('finds what usage lacks, per pod and hour, apart by what the checkpoint says', () => {
    const kept = hour(0, 60, -2)
    // Two hours in a row, one apart, and some behind a checkpoint, of which the ledger has some.
    const lost = [hour(100, 30, 0), hour(130, 20, 1), hour(150, 7, 5)]
    const behind = hour(200, 40, 0)
    const other = hour(300, 9, 2)
    dir.sql(insertOf(kept), insertOf(behind.slice(0, 25)))
    const before = segment([kept, ...lost])
    dir.write(path('router-0'), before + segment([behind]))
    dir.write(`${path('router-0')}.offset`, String(Buffer.byteLength(before)))
    // The same records in another pod count once; its own lie beyond midnight too.
    dir.write(path('router-1'), segment([lost[0].slice(0, 10), other, hour(400, 3, 13)]))
    const { code, findings } = audited()
    expect(code).toBe(4)
    const together = [...lost[0], ...lost[1]]
    expect(told(findings, 'acknowledged_missing')).toEqual([
      ['router-0', windowOf(together), sizeOf(together)],
      ['router-0', windowOf(lost[2]), sizeOf(lost[2])],
    ])
    const missing = behind.slice(25)
    expect(told(findings, 'missing')).toEqual([
      ['router-0', windowOf(missing), sizeOf(missing)],
      ['router-1', windowOf(other), sizeOf(other)],
      ['router-1', windowOf(hour(400, 3, 13)), sizeOf(hour(400, 3, 13))],
    ])
    expect(findings).toHaveLength(5)
    expect(findings.find(({ kind }) => kind === 'acknowledged_missing')?.evidence).toMatch(/: 30, 20$/)
    // What it says to do makes an end of it.
    expect(dir.replay().code).toBe(0)
    expect(audited().code).toBe(0)
  })

  it('finds records that the ledger has with other values, and two versions in the files, once', () => {
    const rows = hour(0, 50, 0)
    const changed = [3, 8, 20].map((i) => ({ ...rows[i], cost_usd: 99, status_code: 500 }))
    dir.sql(insertOf(rows.map((r) => changed.find((c) => c.request_id === r.request_id) ?? r)))
    dir.write(path('router-0'), segment([rows]))
    dir.write(path('router-1'), segment([[{ ...rows[40], output_tokens: 1 }]]))
    const { findings } = audited()
    const originals = changed.map(({ request_id }) => rows.find((r) => r.request_id === request_id)!)
    expect(told(findings, 'differs')).toEqual([['router-0', null, sizeOf(originals)]])
    expect(originals.every(({ request_id }) => findings[0].evidence.includes(request_id))).toBe(true)
    expect(findings).toHaveLength(1)
  })

  it('leaves out what retention has taken', () => {
    const old = hour(0, 12, -24 * 200)
    dir.write(path('router-0'), segment([old, hour(20, 4, 0)]))
    const { findings, notes } = audited()
    expect(findings.map(({ kind, requests }) => [kind, requests])).toEqual([['missing', 4]])
    expect(notes).toContain('older than retention or TTL, and not compared: 12 records')
  })

  it('finds pods that are unseen, damaged, or have another clock', () => {
    const pods = [0, 1, 2, 3].map((pod) => hour(pod * 1000, 900, 0))
    const off = pods[2].map((r) => ({ ...r, ts_ms: r.ts_ms - 25 * 60_000 }))
    dir.sql(...[pods[0], pods[1], off, pods[3]].map(insertOf))
    dir.write(path('router-0'), segment([pods[0]]))
    dir.write(
      path('router-1'),
      `${segment([pods[1].slice(0, 400)])}{"request_id":1}\nxx\n${segment([pods[1].slice(400)])}`,
    )
    dir.write(path('router-2'), segment([off]))
    // A torn tail is what every crash leaves, and nothing to be found.
    dir.write(path('router-3'), `${segment([pods[3]])}{"request_id":"00`)
    const { findings } = audited(...['router-1', 'router-7', 'router-9'].flatMap((pod) => ['--pods', pod]))
    expect(findings.map(({ kind, place }) => [kind, place])).toEqual([
      ['pod_unseen', 'router-7'],
      ['pod_unseen', 'router-9'],
      ['pod_damaged', 'router-1'],
      ['pod_clock', 'router-2'],
    ])
    expect(findings[2].evidence).toMatch(/^18 bytes /)
    expect(findings[3].evidence).toMatch(/25 minutes earlier than those of 3 other pods, which agree/)
  })

  it('finds pods at their cap of segments', () => {
    const rows = hour(0, 1024, 0)
    dir.sql(insertOf(rows))
    const name = (n: number) =>
      `${String(1773180000000000000 + n * 1000).padStart(20, '0')}-0b0f5a3c-7f6e-4f60-9f06-8f3a4a0d9c11`
    for (const [n, row] of rows.entries())
      dir.write(`router-0/telemetry.wal.segments/${name(n)}.jsonl`, segment([[row]]))
    const { findings } = audited()
    expect(told(findings, 'pod_full')).toEqual([['router-0', windowOf(rows), [null, null, null]]])
    expect(findings).toHaveLength(1)
  })
})
