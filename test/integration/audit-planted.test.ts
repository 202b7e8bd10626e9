import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AuditOutcome } from '../../src/domain/audit.js'
import { LedgerDir } from '../support/ledger-dir.js'
import { DAY_MS, END_MS, MINUTE_MS, ninetyDays, rollUpAgain, WORKDAY } from '../support/ninety-days.js'
import { insertOf, record, segment, type TestRecord } from '../support/records.js'

const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10)
/** The start of the day so many days before the ledger's last one. */
const back = (days: number) => END_MS - (days + 1) * DAY_MS
const TENANT = '00000002-0000-4000-8000-000000000001'
const KEY = '00000003-0000-4000-8000-000000000001'

/** Copies of rows of a day, through the view, as a pod inserts them again. */
const copies = (ms: number, rows: number) =>
  `INSERT INTO obleth.usage SELECT * FROM obleth.usage WHERE toDate(ts) = '${dayOf(ms)}' ORDER BY ts_ms LIMIT ${rows}
   SETTINGS async_insert = 0, insert_deduplication_token = 'copies-${ms}'`
/** A row of the rollup that nothing in `usage` explains. */
const drift = (ms: number, requests: number, tokens: number) =>
  `INSERT INTO obleth.usage_daily (day, tenant_id, key_id, model, requests, input_tokens)
   SELECT '${dayOf(ms)}', '${TENANT}', '${KEY}', 'gpt-large', toUInt64(${requests}), toUInt64(toInt64(${tokens}))
   SETTINGS async_insert = 0, insert_deduplication_token = 'drift-${ms}'`

const DUPLICATES = [
  [5, 1],
  [12, 17],
  [40, 230],
] as const
const EXCESS = [
  [12, 5],
  [20, 50],
  [61, 500],
] as const
const MISSING_ROLLUP = [7, 33, 70]
const MIXED = [9, 27, 80]
const SILENCES = [
  { from: WORKDAY + 600 * MINUTE_MS, minutes: 45 },
  { from: WORKDAY + DAY_MS + 540 * MINUTE_MS, minutes: 480 },
  { from: WORKDAY + 14 * DAY_MS + 900 * MINUTE_MS, minutes: 120 },
]

/** Pods that spilled on the last day from ten to twelve, each with its first and last record in the ledger. */
const SPILL_MS = back(0) + 600 * MINUTE_MS
let serial = 0
const records = (count: number, minute: number, shift = 0): TestRecord[] =>
  Array.from({ length: count }, (_, i) =>
    record(serial++, { ts_ms: SPILL_MS + (minute + shift) * MINUTE_MS + i, tenant_id: TENANT, key_id: KEY }),
  )
const path = (pod: string, n = 0) =>
  `${pod}/telemetry.wal.segments/${String(1773180000000000000n + BigInt(n)).padStart(20, '0')}-0b0f5a3c-7f6e-4f60-9f06-8f3a4a0d9c11.jsonl`

describe('three faults of every kind at once', () => {
  let dir: LedgerDir
  let findings: AuditOutcome['findings']
  const lost: [pod: string, rows: TestRecord[]][] = []
  const behind: [pod: string, rows: TestRecord[]][] = []
  const differing: [pod: string, rows: TestRecord[]][] = []

  beforeAll(() => {
    dir = new LedgerDir()
    const kept: TestRecord[][] = []
    /** Writes a pod's one file, or a file for each batch; returns what the ledger is to hold. */
    const spill = (batches: TestRecord[][], shift = 0) => {
      const whole = [records(1, 0, shift), ...batches, records(1, 120, shift)]
      kept.push(...whole.filter((batch) => !batches.includes(batch)))
      return whole
    }
    for (const [n, count] of [1, 20, 300].entries()) {
      const [pod, rows] = [`lost-${n}`, records(count, 30 + n)]
      lost.push([pod, rows])
      const text = segment(spill([rows]))
      dir.write(path(pod), text)
      dir.write(`${path(pod)}.offset`, String(Buffer.byteLength(text)))
    }
    for (const [n, count] of [2, 50, 400].entries()) {
      const [pod, rows] = [`behind-${n}`, records(count, 40 + n)]
      behind.push([pod, rows])
      dir.write(path(pod), segment(spill([rows])))
    }
    for (const [n, count] of [1, 3, 40].entries()) {
      const [pod, rows] = [`differs-${n}`, records(count, 50 + n)]
      differing.push([pod, rows])
      dir.write(path(pod), segment(spill([rows])))
    }
    for (const [n, bytes] of [3, 700, 90_000].entries())
      dir.write(path(`damaged-${n}`), `${'x'.repeat(bytes)}\n${segment(spill([]))}`)
    for (const [n, segments] of [1024, 1025, 1100].entries()) {
      const rows = records(segments - 2, 60 + n)
      kept.push(rows)
      const files = spill(rows.map((row) => [row]))
      for (const [i, batch] of files.entries()) dir.write(path(`full-${n}`, i), segment([batch]))
    }
    for (const [n, shift] of [-90, 45, 200].entries()) dir.write(path(`clock-${n}`), segment(spill([], shift)))

    const changed = differing.flatMap(([, rows]) => rows).map((row) => ({ ...row, cost_usd: 77, output_tokens: 5 }))
    const old = [200, 210, 250, 260].map((days) => record(serial++, { ts_ms: END_MS - days * DAY_MS + 5 }))
    const ahead = [2, 3, 9].map((days) => record(serial++, { ts_ms: Date.now() + days * DAY_MS }))
    const infinite = [14, 15, 55].map((days) => record(serial++, { ts_ms: back(days) + 700 * MINUTE_MS }))
    const silent = SILENCES.map(({ from, minutes }) => `ts_ms >= ${from} AND ts_ms < ${from + minutes * MINUTE_MS}`)
    dir.sql(
      ...ninetyDays(),
      `ALTER TABLE obleth.usage DELETE WHERE ${silent.join(' OR ')} SETTINGS mutations_sync = 2`,
      ...rollUpAgain(SILENCES.map(({ from }) => from)),
      ...kept.map(insertOf),
      insertOf(changed),
      ...[...old, ...ahead].map((row) => insertOf([row])),
      ...infinite.map((row) => insertOf([row]).replace(`${row.cost_usd}, 0.5`, 'inf, 0.5')),
      ...DUPLICATES.map(([days, rows]) => copies(back(days), rows)),
      ...EXCESS.map(([days, requests]) => drift(back(days), requests, requests * 1000)),
      ...MIXED.map((days) => drift(back(days), 3, -7)),
      ...MISSING_ROLLUP.map(
        (days) =>
          `ALTER TABLE obleth.usage_daily DELETE WHERE day = '${dayOf(back(days))}' SETTINGS mutations_sync = 2`,
      ),
      'SYSTEM STOP MERGES obleth.usage',
      ...['region', 'zone', 'cluster'].map((name) => `ALTER TABLE obleth.usage ADD COLUMN ${name} String DEFAULT ''`),
      `ALTER TABLE obleth.usage MODIFY TTL toDateTime(ts_ms / 1000) + INTERVAL 205 DAY SETTINGS materialize_ttl_after_modify = 0`,
    )
    const ran = dir.run([
      'audit',
      dir.pods,
      ...[0, 1, 2].flatMap((n) => ['--pods', `gone-${n}`, '--pods', `full-${n}`]),
    ])
    expect(ran.code).toBe(4)
    findings = (ran.document as unknown as AuditOutcome).findings
  }, 300_000)
  afterAll(() => dir.remove())

  const of = (kind: string) => findings.filter((finding) => finding.kind === kind)
  const tokensOf = (rows: readonly TestRecord[]) => rows.reduce((sum, r) => sum + r.input_tokens + r.output_tokens, 0)
  const placed = (kind: string) => of(kind).map(({ place, requests }) => [place, requests])

  it('rows too many', () => {
    const days = DUPLICATES.map(([days, rows]) => [dayOf(back(days)), rows]).sort()
    expect(placed('duplicates')).toEqual(days)
  })

  it('a rollup with too much, too little, and both', () => {
    const group = (days: number) => `${dayOf(back(days))} tenant ${TENANT} key ${KEY} model gpt-large`
    expect(placed('rollup_excess')).toEqual(EXCESS.map(([days, requests]) => [group(days), requests]).sort())
    expect(placed('rollup_mixed')).toEqual(MIXED.map((days) => [group(days), 3]).sort())
    const usage = MISSING_ROLLUP.map((days) => {
      const [[{ n }]] = dir.sql(`SELECT count() AS n FROM obleth.usage WHERE toDate(ts) = '${dayOf(back(days))}'`)
      return [group(days), -Number(n)]
    })
    expect(placed('rollup_missing')).toEqual(usage.sort())
  })

  it('silences', () => {
    const hours = of('silence').map(({ window }) => [window!.fromMs, window!.toMs])
    expect(hours).toHaveLength(3)
    SILENCES.forEach(({ from, minutes }, i) => {
      expect(hours[i][0]).toBeLessThan(from)
      expect(hours[i][0]).toBeGreaterThan(from - 5 * MINUTE_MS)
      expect(hours[i][1]).toBeGreaterThanOrEqual(from + minutes * MINUTE_MS)
      expect(hours[i][1]).toBeLessThan(from + (minutes + 5) * MINUTE_MS)
    })
  })

  it('rows past TTL and retention, ahead of the clock, without finite figures, and unknown columns', () => {
    expect(placed('past_retention')).toEqual([['usage', 4]])
    expect(placed('expired')).toEqual([['usage', 3]])
    expect(placed('future')).toEqual([['usage', 3]])
    expect(placed('non_finite')).toEqual([['usage', 3]])
    expect(of('unknown_columns').map(({ evidence }) => evidence)).toEqual([
      'columns that no record of the WAL has: region, zone, cluster',
    ])
  })

  it('records that the WAL holds and the ledger lacks, or has otherwise', () => {
    const told = (kind: string) => of(kind).map(({ place, requests, tokens }) => [place, requests, tokens])
    const wanted = (pods: typeof lost) => pods.map(([pod, rows]) => [pod, rows.length, tokensOf(rows)])
    expect(told('acknowledged_missing').sort()).toEqual(wanted(lost))
    expect(told('missing').sort()).toEqual(wanted(behind))
    expect(told('differs').sort()).toEqual(wanted(differing))
  })

  it('pods that are gone, full, damaged, or in another time', () => {
    const places = (kind: string) =>
      of(kind)
        .map(({ place }) => place)
        .sort()
    expect(places('pod_unseen')).toEqual(['gone-0', 'gone-1', 'gone-2'])
    expect(places('pod_full')).toEqual(['full-0', 'full-1', 'full-2'])
    expect(
      of('pod_damaged')
        .map(({ evidence }) => Number.parseInt(evidence, 10))
        .sort((a, b) => a - b),
    ).toEqual([3, 700, 90_000])
    expect(
      of('pod_clock')
        .map(({ place, evidence }) => [place, /\d+ minutes \w+/.exec(evidence)?.[0]])
        .sort(),
    ).toEqual([
      ['clock-0', '90 minutes earlier'],
      ['clock-1', '45 minutes later'],
      ['clock-2', '200 minutes later'],
    ])
  })

  it('and nothing else', () => {
    const kinds = [
      'duplicates',
      'rollup_excess',
      'rollup_mixed',
      'rollup_missing',
      'silence',
      'acknowledged_missing',
      'missing',
      'differs',
      'pod_unseen',
      'pod_full',
      'pod_damaged',
      'pod_clock',
    ]
    const counts: Record<string, number> = Object.fromEntries(kinds.map((kind) => [kind, 3]))
    const once = ['past_retention', 'expired', 'future', 'non_finite', 'unknown_columns']
    for (const kind of once) counts[kind] = 1
    const found: Record<string, number> = {}
    for (const { kind } of findings) found[kind] = (found[kind] ?? 0) + 1
    expect(found).toEqual(counts)
  })
})
