import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
// @ts-expect-error a plain script, without types
import { oblethSchema } from '../../samples/obleth-schema.js'
import type { AuditOutcome } from '../../src/domain/audit.js'
import { openBrowser, openPage, withoutBrowser } from '../support/browser.js'
import { LedgerDir } from '../support/ledger-dir.js'
import { insertOf, record, segment } from '../support/records.js'

const [HOUR_MS, DAY_MS] = [3_600_000, 86_400_000]
const NOON = Math.floor(Date.now() / DAY_MS) * DAY_MS - DAY_MS / 2
const HOSTILE = '<img src=x onerror=alert(1)>'

describe.skipIf(withoutBrowser() !== null)('the page of an audit', () => {
  let dir: LedgerDir
  let browser: Browser
  let outcome: AuditOutcome
  let file: string
  beforeAll(async () => {
    dir = new LedgerDir()
    // Ten hours of the ledger, in each of which it has one request more than in the one before.
    const hours = Array.from({ length: 10 }, (_, h) =>
      Array.from({ length: h + 1 }, (_, i) => record(h * 20 + i, { ts_ms: NOON + h * HOUR_MS + i })),
    )
    const lost = [4, 5, 6].map((i) => record(500 + i, { ts_ms: NOON + 3 * HOUR_MS + i }))
    dir.sql(...oblethSchema(), ...hours.map(insertOf))
    const path = (pod: string) =>
      `${pod}/telemetry.wal.segments/01773180000000000000-0b0f5a3c-7f6e-4f60-9f06-8f3a4a0d9c11.jsonl`
    dir.write(path('router-0'), segment([...hours.slice(0, 4), lost]))
    dir.write(path(HOSTILE), segment([hours[9]]))
    file = join(dir.root, 'reports', 'audit.html')
    const ran = dir.run(['audit', dir.pods, '--report', file, '--pods', 'router-7'])
    expect(ran.code).toBe(4)
    outcome = ran.document as unknown as AuditOutcome
    browser = await openBrowser()
  })
  afterAll(async () => {
    await browser?.close()
    dir.remove()
  })

  it('shows what the document holds', () => {
    const { coverage, findings } = outcome
    expect(findings.map(({ kind }) => kind)).toEqual(['missing', 'pod_unseen'])
    expect(coverage).toMatchObject({
      fromMs: NOON,
      stepMs: HOUR_MS,
      steps: 10,
      ledger: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    })
    expect(Object.fromEntries(coverage!.pods.map(({ pod, requests }) => [pod, requests]))).toEqual({
      'router-0': [1, 2, 3, 7, 0, 0, 0, 0, 0, 0],
      [HOSTILE]: [0, 0, 0, 0, 0, 0, 0, 0, 0, 10],
    })
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  it.each([1280, 390])('at %i pixels', async (width) => {
    const { page, complaints } = await openPage(browser, file, width)
    const text = await page.locator('body').textContent()
    expect(text).toContain('2 findings')
    expect(text).toContain('3 requests')
    expect(text).toContain('router-7')
    // A field for each of ten hours of the ledger, four and one of the pods, and the hour of the finding in red.
    const fields = await page
      .locator('svg path')
      .evaluateAll((paths) =>
        paths.map((path) => [path.getAttribute('fill') ?? '', path.getBoundingClientRect().height]),
      )
    const high = fields.filter(([, height]) => Number(height) > 8).map(([fill]) => String(fill))
    expect(high.filter((fill) => fill === 'rgb(185,28,28)' || fill === '#b91c1c')).toHaveLength(1)
    expect(high.filter((fill) => /^rgb\(\d+,\d+,2[0-5]\d\)$/.test(fill) || fill === '#1d4ed8')).toHaveLength(15)
    const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth')
    expect(overflow).toBeLessThanOrEqual(0)
    expect(complaints).toEqual([])
    await page.close()
  })
})
