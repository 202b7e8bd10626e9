import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
// @ts-expect-error a plain script, without types
import { oblethSchema } from '../../samples/obleth-schema.js'
import type { AuditOutcome } from '../../src/domain/audit.js'
import { LedgerDir } from '../support/ledger-dir.js'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
/** The ledger ends with yesterday: nothing is past retention, nothing in the future. */
const END_MS = Math.floor(Date.now() / DAY_MS) * DAY_MS
const DAYS = 90
const START_MS = END_MS - DAYS * DAY_MS
/** A working day that is a public holiday, and one in the middle. */
const [HOLIDAY, WORKDAY] = [30, 50].map((from) => {
  const day = START_MS + from * DAY_MS
  return day + ((3 - new Date(day).getUTCDay() + 7) % 7) * DAY_MS
})

/** Ninety days of office hours in a ledger: nights without a request, quiet weekends, one public holiday. */
function ninetyDays(): string[] {
  const day = `toDate(fromUnixTimestamp64Milli(at, 'UTC'))`
  const rest = `toDayOfWeek(${day}) >= 6 OR ${day} = toDate('${new Date(HOLIDAY).toISOString().slice(0, 10)}')`
  const hour = `toHour(fromUnixTimestamp64Milli(at, 'UTC'))`
  const rate = `multiIf(${hour} < 7 OR ${hour} >= 20, 0, ${rest}, 0.2, ${hour} IN (7, 8, 18, 19), 1.5, 6)`
  return [
    `INSERT INTO obleth.usage (request_id, tenant_id, key_id, model, admission, weight, input_tokens, output_tokens,
       estimated_tokens, queue_wait_ms, ttft_ms, total_ms, status_code, cache_status, cost_usd, ts_ms, request_type)
     SELECT reinterpretAsUUID(toUInt128(at) * 1000 + n), toUUID('00000002-0000-4000-8000-000000000001'),
       toUUID('00000003-0000-4000-8000-000000000001'), 'gpt-large', 'fast', 1, 1000, 100, 1100, 0, 50, 500, 200, 'miss',
       0.001, at + cityHash64(at, n) % ${MINUTE_MS}, 'chat'
     FROM (SELECT toInt64(${START_MS}) + number * ${MINUTE_MS} AS at,
             arrayJoin(range(toUInt64(floor(2 * ${rate} * (cityHash64(at) % 1000) / 1000 +
               (cityHash64(at, 1) % 1000) / 1000)))) AS n
           FROM numbers(${DAYS * 1440}))
     SETTINGS max_partitions_per_insert_block = 0`,
  ]
}

let dir: LedgerDir

beforeAll(() => {
  dir = new LedgerDir()
  dir.sql(...oblethSchema(), ...ninetyDays())
})
afterAll(() => dir.remove())

function audited(...args: string[]): { code: number | null; findings: AuditOutcome['findings'] } {
  const { code, document } = dir.run(['audit', ...args])
  return { code, findings: (document as unknown as AuditOutcome).findings }
}

const iso = (ms: number) => new Date(ms).toISOString()

describe('audit of ninety days', () => {
  it('finds nothing where nothing is wrong', () => {
    const [[{ rows }]] = dir.sql('SELECT count() AS rows FROM obleth.usage')
    expect(Number(rows)).toBeGreaterThan(100_000)
    expect(audited()).toEqual({ code: 0, findings: [] })
  })

  describe('of which hours were lost', () => {
    const lost = [
      { from: WORKDAY + 10 * 60 * MINUTE_MS, minutes: 45 },
      { from: WORKDAY + DAY_MS + 9 * 60 * MINUTE_MS, minutes: 480 },
      { from: WORKDAY + 14 * DAY_MS + 15 * 60 * MINUTE_MS, minutes: 120 },
    ]

    beforeAll(() => {
      const where = lost.map(({ from, minutes }) => `ts_ms >= ${from} AND ts_ms < ${from + minutes * MINUTE_MS}`)
      const days = lost.map(({ from }) => `'${iso(from).slice(0, 10)}'`)
      dir.sql(
        `ALTER TABLE obleth.usage DELETE WHERE ${where.join(' OR ')} SETTINGS mutations_sync = 2`,
        `ALTER TABLE obleth.usage_daily DELETE WHERE day IN (${days}) SETTINGS mutations_sync = 2`,
        `INSERT INTO obleth.usage_daily SELECT toDate(ts) AS day, tenant_id, key_id, model, count(), count(), 0, sum(input_tokens),
           sum(output_tokens), sum(estimated_tokens), 0, count(), sum(ttft_ms), sum(total_ms), sum(cost_usd), 0, 0, 0
         FROM obleth.usage WHERE toDate(ts) IN (${days}) GROUP BY ALL SETTINGS async_insert = 0`,
      )
    })

    it('finds them, from the last request before to the first one after, and nothing else', () => {
      const { code, findings } = audited()
      expect(code).toBe(4)
      expect(findings.map(({ kind }) => kind)).toEqual(['silence', 'silence', 'silence'])
      const edges = lost.map(({ from, minutes }) =>
        dir.sql(
          `SELECT max(ts_ms) AS at FROM obleth.usage WHERE ts_ms < ${from}`,
          `SELECT min(ts_ms) AS at FROM obleth.usage WHERE ts_ms >= ${from + minutes * MINUTE_MS}`,
        ),
      )
      expect(findings.map(({ window }) => window)).toEqual(
        edges.map(([[before], [after]]) => ({ fromMs: Number(before.at), toMs: Number(after.at) })),
      )
    })

    it('marks those in a declared outage', () => {
      const [first] = lost
      const outage = `${iso(first.from - MINUTE_MS)}..${iso(first.from + 30 * MINUTE_MS)}`
      const { code, findings } = audited('--outage', outage)
      expect([code, findings.map(({ cause }) => cause.includes('--outage'))]).toEqual([4, [true, false, false]])
    })

    it('takes what somebody answers for out of the exit code, for as long as the waiver says and no longer', () => {
      const file = join(dir.root, 'audit-waivers.yaml')
      const waiver = ({ from, minutes }: (typeof lost)[number], until: string) =>
        `- finding: silence\n  from: ${iso(from - DAY_MS / 2)}\n  to: ${iso(from + minutes * MINUTE_MS + DAY_MS / 2)}\n` +
        `  reason: the gateways were being moved\n  who: ana@example.com\n  until: ${until}\n`
      const next = iso(Date.now() + DAY_MS)
      writeFileSync(file, lost.map((hours) => waiver(hours, next.slice(0, 10))).join(''))
      const waived = audited('--waivers', file)
      expect([waived.code, waived.findings.map(({ waiver }) => waiver?.who)]).toEqual([
        0,
        Array(3).fill('ana@example.com'),
      ])
      // The default name is read without being asked for; one waiver is over, and one is for other hours.
      writeFileSync(
        file,
        waiver(lost[0], next) + waiver(lost[1], iso(Date.now() - 1000)) + waiver({ ...lost[2], from: START_MS }, next),
      )
      const some = audited()
      expect([some.code, some.findings.map(({ waiver }) => waiver !== null)]).toEqual([4, [true, false, false]])
    })

    it.each([
      ['- finding: silence', /entry 1, reason/],
      ['- {finding: silences, place: usage, reason: a, who: b, until: 2026-01-01}', /entry 1, finding/],
      ['- {finding: silence, reason: a, who: b, until: 2026-01-01}', /entry 1: needs a place/],
      ['- {finding: silence, place: usage, reason: a, who: b, until: 2026-13-01}', /entry 1, until/],
      [
        '- {finding: silence, from: 2026-01-01T00:00:00, to: 2026-01-02T00:00:00Z, reason: a, who: b, until: 2026-01-01}',
        /offset/,
      ],
      ['[', /not valid YAML/],
      ['a: 1', /expected array/],
    ])('refuses waivers that say %s', (text, message) => {
      const file = join(dir.root, 'wrong.yaml')
      writeFileSync(file, text)
      const { code, document } = dir.run(['audit', '--waivers', file])
      expect([code, document.error?.code]).toEqual([2, 'config'])
      expect(document.error?.message).toMatch(message)
    })
  })
})
