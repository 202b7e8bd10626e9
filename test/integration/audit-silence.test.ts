import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AuditOutcome } from '../../src/domain/audit.js'
import { LedgerDir } from '../support/ledger-dir.js'
import { DAY_MS, MINUTE_MS, ninetyDays, rollUpAgain, START_MS, WORKDAY } from '../support/ninety-days.js'

let dir: LedgerDir

beforeAll(() => {
  dir = new LedgerDir()
  dir.sql(...ninetyDays())
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
      dir.sql(
        `ALTER TABLE obleth.usage DELETE WHERE ${where.join(' OR ')} SETTINGS mutations_sync = 2`,
        ...rollUpAgain(lost.map(({ from }) => from)),
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
