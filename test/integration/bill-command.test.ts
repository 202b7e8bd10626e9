import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { casePath, expectedOf } from '../support/cases.js'
import { cleanEnv, LedgerDir } from '../support/ledger-dir.js'
import { insertOf, record, segment } from '../support/records.js'

const CLI = fileURLToPath(new URL('../../bin/obleth-ledger.js', import.meta.url))
const SEGMENT = 'pod-0/telemetry.wal.segments/01750000000000000000-1c1f7d52-0d53-4f07-8b1b-7f3b1a9f7d01.jsonl'
const DAYS = ['--since', '2026-03-10T00:00:00Z', '--until', '2026-03-12T00:00:00Z']

interface BillJson {
  readonly status: string
  readonly error?: { readonly code: string; readonly message: string }
  readonly completeness: {
    readonly days: number
    readonly findings: { readonly kind: string; readonly day: string; readonly detail: string }[]
  }
  readonly statements: {
    readonly tenant: { readonly id: string; readonly name: string | null }
    readonly keyNames: Record<string, string>
    readonly amountDueUsd: string
    readonly total: { readonly requests: number; readonly costUsd: string }
    readonly byDay: {
      readonly day: string
      readonly requests: number
      readonly inputTokens: number
      readonly outputTokens: number
      readonly costUsd: string
    }[]
    readonly items: { readonly requestType: string | null; readonly approximate: boolean; readonly day: string }[]
    readonly pods: { readonly pod: string; readonly requests: number }[] | null
    readonly apart: Record<'healthProbe' | 'benchmark', { readonly requests: number }>
  }[]
  readonly differences: { readonly day: string; readonly explanation?: string; readonly now: object | null }[]
  readonly total: { readonly requests: number; readonly costUsd: string }
  readonly amountDueUsd: string
}

let dir: LedgerDir
beforeEach(() => {
  dir = new LedgerDir()
})
afterEach(() => dir.remove())

function json(...args: string[]): { code: number | null; bill: BillJson } {
  const { code, document } = dir.run(['bill', ...args])
  return { code, bill: document as unknown as BillJson }
}

function print(env: Record<string, string>, ...args: string[]) {
  const options = { cwd: dir.root, env: cleanEnv(env), encoding: 'utf8' as const }
  return spawnSync(process.execPath, [CLI, 'bill', ...args, '--embedded', dir.ledger], options)
}

function load(...records: ReturnType<typeof record>[]): void {
  dir.write(SEGMENT, segment([records]))
  expect(dir.replay().code).toBe(0)
}

const some = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => record(from + i))

describe('cases from the field', () => {
  it('105: days of a zone whose clocks change add up to the UTC total', () => {
    expect(dir.run(['replay', casePath('105', 'input')]).code).toBe(0)
    const want = expectedOf('105') as unknown as Record<string, Record<string, object>>
    for (const [zone, perDay] of [
      ['UTC', want.per_utc_day],
      ['Europe/Berlin', want['per_day_Europe/Berlin']],
    ] as const) {
      const { bill } = json('--since', '2025-03-28T00:00:00Z', '--until', '2025-04-02T00:00:00Z', '--time-zone', zone)
      const days: Record<string, { requests: number; input_tokens: number; output_tokens: number; cost: bigint }> = {}
      for (const { byDay } of bill.statements) {
        for (const { day, requests, inputTokens, outputTokens, costUsd } of byDay) {
          days[day] ??= { requests: 0, input_tokens: 0, output_tokens: 0, cost: 0n }
          days[day].requests += requests
          days[day].input_tokens += inputTokens
          days[day].output_tokens += outputTokens
          days[day].cost += tenMillionths(costUsd)
        }
      }
      const expected = Object.entries(perDay).map(([day, sums]) => {
        const { cost_usd, ...counts } = sums as { cost_usd: string }
        return [day, { ...counts, cost: tenMillionths(cost_usd) }]
      })
      expect(days).toEqual(Object.fromEntries(expected))
      expect(bill.total.costUsd).toBe((want.totals as unknown as { sum_cost_usd_exact: string }).sum_cost_usd_exact)
    }
  })

  it('107: sums of money are decimal, per tenant and in all', () => {
    expect(dir.run(['replay', casePath('107', 'input')]).code).toBe(0)
    const { code, bill } = json('--period', '2025-06-15')
    const { money } = expectedOf('107') as unknown as {
      money: { exact_decimal_total: string; exact_per_tenant: object }
    }
    expect(code).toBe(0)
    expect(bill.total.costUsd).toBe(money.exact_decimal_total)
    expect(Object.fromEntries(bill.statements.map(({ tenant, total }) => [tenant.id, total.costUsd]))).toEqual(
      money.exact_per_tenant,
    )
    expect(bill.statements.map(({ amountDueUsd }) => amountDueUsd)).toEqual(['123456889.21', '3.18', '0.90'])
  })
})

/** All costs of case 105 end by the seventh decimal. */
const tenMillionths = (text: string): bigint => {
  const [whole, fraction = ''] = text.split('.')
  return BigInt(whole + fraction.padEnd(7, '0'))
}

describe('what is on a bill', () => {
  it('keeps benchmark and health probes apart, and says that a day had no traffic', () => {
    const nil = '00000000-0000-0000-0000-000000000000'
    load(
      record(0),
      record(2, { request_type: 'benchmark' }),
      record(4, { request_type: 'health_probe' }),
      record(6, { tenant_id: nil, request_type: '' }),
    )
    const { code, bill } = json(...DAYS)
    expect([code, bill.status, bill.total.requests]).toEqual([4, 'mismatch', 1])
    expect(bill.completeness.findings.map(({ kind, day }) => [kind, day])).toEqual([['no_traffic', '2026-03-11']])
    const [probes, tenant] = bill.statements
    expect([probes.total.requests, probes.apart.healthProbe.requests]).toEqual([0, 1])
    expect([tenant.apart.benchmark.requests, tenant.apart.healthProbe.requests]).toEqual([1, 1])
  })

  it('takes names from a config backup; formulas in them stay text in CSV and HTML', () => {
    load(record(0, { model: '@SUM(A1)' }), record(1), record(12))
    const { tenant_id: id, key_id } = record(0)
    const backup = join(dir.root, 'backup.json')
    const tenants = [
      { id, name: '=HYPERLINK("http://x")<b>', organization: 'Acme, "Inc"', contact_email: null, extra: 1 },
    ]
    const data = { models: [{ id: 1 }], tenants, api_keys: [{ id: key_id, tenant_id: id, name: '-key' }] }
    writeFileSync(backup, JSON.stringify({ format: 'obleth-config-backup', version: 1, data }))
    const { bill } = json(...DAYS, '--config-backup', backup)
    expect(bill.statements[0]).toMatchObject({
      tenant: tenants[0].name && { name: tenants[0].name },
      keyNames: { [key_id]: '-key' },
    })
    const csv = print({}, ...DAYS, '--config-backup', backup, '--format', 'csv')
    expect([csv.status, csv.stderr]).toEqual([0, ''])
    expect(csv.stdout).toContain(
      `${id},"'=HYPERLINK(""http://x"")<b>","Acme, ""Inc""",${key_id},'-key,'@SUM(A1),chat,billable,`,
    )
    const pages = join(dir.root, 'pages')
    expect(print({}, ...DAYS, '--config-backup', backup, '--report', pages, '--quiet').stdout).toBe('')
    expect(readdirSync(pages).sort()).toEqual(
      ['index.html', `tenant-${id}.html`, `tenant-${record(1).tenant_id}.html`].sort(),
    )
    expect(statSync(join(pages, 'index.html')).mode & 0o077).toBe(0)
    expect(readFileSync(join(pages, 'index.html'), 'utf8')).toContain('=HYPERLINK(&quot;http://x&quot;)&lt;b&gt;')

    writeFileSync(backup, JSON.stringify({ format: 'something', version: 1, data }))
    expect(json(...DAYS, '--config-backup', backup)).toMatchObject({ code: 2, bill: { error: { code: 'usage' } } })
  })

  it('finds requests that stand twice and a rollup that disagrees', () => {
    load(...some(0, 20))
    dir.sql('DROP TABLE obleth.usage_daily_mv', insertOf([record(3)]))
    const { code, bill } = json(...DAYS)
    expect(code).toBe(4)
    expect(bill.completeness.findings.map(({ kind, day }) => [kind, day])).toEqual([
      ['duplicates', '2026-03-10'],
      ['rollup_drift', '2026-03-10'],
    ])
    const against = json(...DAYS, '--against', 'rollup')
    expect(against.code).toBe(4)
    expect(against.bill.differences).toMatchObject([{ day: '2026-03-10', requests: { raw: 3, rollup: 2 } }])
  })

  it('takes days without raw rows from the rollup in its own zone, and leaves them out in another', () => {
    load(...some(0, 20))
    const whole = json(...DAYS).bill
    dir.sql("ALTER TABLE obleth.usage DROP PARTITION ID '20260311'")
    const { code, bill } = json(...DAYS)
    expect(code).toBe(4)
    expect(bill.completeness.findings.map(({ kind, day }) => [kind, day])).toEqual([['approximate', '2026-03-11']])
    expect(bill.total.requests).toBe(whole.total.requests)
    expect(Number(bill.total.costUsd)).toBeCloseTo(Number(whole.total.costUsd), 9)
    const items = bill.statements.flatMap((statement) => statement.items)
    expect(
      items.every(
        ({ approximate, requestType, day }) =>
          approximate === (day === '2026-03-11') && approximate === (requestType === null),
      ),
    ).toBe(true)

    const elsewhere = json(...DAYS, '--time-zone', 'Asia/Kolkata').bill
    expect(elsewhere.completeness.findings.map(({ kind }) => kind)).toContain('raw_rows_gone')
    expect(elsewhere.total.requests).toBe(10)
    expect(json(...DAYS, '--time-zone', 'Asia/Kolkata', '--against', 'rollup').code).toBe(5)
  })

  it('compares with an earlier bill, line item by line item', () => {
    load(...some(0, 20))
    const earlier = join(dir.root, 'earlier.json')
    writeFileSync(earlier, print({}, ...DAYS, '--json').stdout)
    expect(json(...DAYS, '--compare', earlier)).toMatchObject({ code: 0, bill: { differences: [] } })
    dir.sql(
      insertOf([record(40, { model: 'new-model' })]),
      "ALTER TABLE obleth.usage DELETE WHERE request_id = toUUID('" +
        record(1).request_id +
        "') SETTINGS mutations_sync = 1",
    )
    const { code, bill } = json(...DAYS, '--compare', earlier)
    expect(code).toBe(4)
    expect(bill.differences).toMatchObject([
      { model: 'new-model', earlier: null, now: { requests: 1, costUsd: String(41 / 1024) } },
      { model: 'gpt-small', tenantId: record(1).tenant_id, earlier: { requests: 3 }, now: { requests: 2 } },
    ])
    expect(json('--period', '2026-03', '--compare', earlier)).toMatchObject({ code: 2 })
    writeFileSync(earlier, '{"command":"bill"')
    expect(json(...DAYS, '--compare', earlier)).toMatchObject({ code: 2, bill: { error: { code: 'usage' } } })
  })

  it('refuses what it cannot bill', () => {
    const failed = (...args: string[]) => json(...args).code
    expect(failed()).toBe(2)
    expect(failed('--period', '2026-13')).toBe(2)
    expect(failed('--period', '2026-03', '--since', '2026-03-01T00:00:00Z')).toBe(2)
    expect(failed('--period', '2026-03', '--time-zone', 'Mars/Olympus')).toBe(2)
    expect(failed('--period', '2026-03')).toBe(10)
    expect(failed('--period', '2026-03', '--config-backup', join(dir.root, 'absent.json'))).toBe(10)
  })

  it('shows no password of a Postgres', () => {
    const url = 'postgres://u:pa55-word@127.0.0.1:9/obleth'
    const asFlag = print({}, '--period', '2026-03', '--postgres-url', url)
    expect(asFlag.status).toBe(2)
    const unreachable = print({ OBLETH_LEDGER_POSTGRES_URL: url }, '--period', '2026-03', '--json')
    expect(unreachable.status).toBe(13)
    const shown = spawnSync(process.execPath, [CLI, 'config', 'show'], {
      env: cleanEnv({ OBLETH_DATABASE_URL: url }),
      encoding: 'utf8',
    })
    expect(asFlag.stderr + unreachable.stdout + unreachable.stderr + shown.stdout).not.toContain('pa55')
  })
})

describe('a bill beside WAL files', () => {
  const other = (pod: number) => SEGMENT.replace('pod-0', `pod-${pod}`)

  it('says from which pods its requests came, and what the files hold besides', () => {
    load(...some(0, 40))
    // Record n is of tenant n % 2; eight of them are in a second pod alone, four in both.
    dir.write(other(1), segment([some(30, 34), some(40, 48)]))
    const { code, bill } = json(...DAYS, dir.pods, '--retention-days', '3650')
    expect(code).toBe(4)
    const pods = bill.statements.map(({ tenant, pods }) => [tenant.id, pods])
    expect(pods).toEqual([0, 1].map((tenant) => [record(tenant).tenant_id, [{ pod: 'pod-0', requests: 20 }]]))
    const lacking = bill.completeness.findings.filter(({ kind }) => kind === 'not_in_ledger')
    const total = lacking.reduce((sum, { detail }) => sum + Number(/^\d+/.exec(detail)?.[0]), 0)
    expect([
      total,
      lacking.every(({ detail }) => /^\d+ requests in WAL files are not in the ledger/.test(detail)),
    ]).toEqual([8, true])
    // Once they are replayed, the second pod has its share, and nothing is left to say.
    expect(dir.replay().code).toBe(0)
    const after = json(...DAYS, dir.pods, '--retention-days', '3650')
    expect(after.code).toBe(0)
    expect(after.bill.statements.map(({ pods }) => pods)).toEqual(
      [0, 1].map(() => [
        { pod: 'pod-0', requests: 20 },
        { pod: 'pod-1', requests: 4 },
      ]),
    )
    expect(json(...DAYS).bill.statements.map(({ pods }) => pods)).toEqual([null, null])
  })

  it('is not asked for by the variable that names the gateway WAL', () => {
    load(...some(0, 40))
    const { status } = print({ OBLETH_WAL_PATH: join(dir.root, 'no-such-folder') }, ...DAYS)
    expect(status).toBe(0)
  })
})
