import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openBrowser, openPage, withoutBrowser } from '../support/browser.js'
import { LedgerDir } from '../support/ledger-dir.js'
import { record, segment } from '../support/records.js'

const SEGMENT = 'pod-0/telemetry.wal.segments/01750000000000000000-1c1f7d52-0d53-4f07-8b1b-7f3b1a9f7d01.jsonl'
const HOSTILE = '<img src=x onerror=alert(1)>'

describe.skipIf(withoutBrowser() !== null)('pages of a bill', () => {
  let dir: LedgerDir
  let browser: Browser
  beforeAll(async () => {
    dir = new LedgerDir()
    const records = Array.from({ length: 20 }, (_, n) => record(n, n === 2 ? { model: HOSTILE } : {}))
    dir.write(SEGMENT, segment([records]))
    expect(dir.replay().code).toBe(0)
    const window = ['--since', '2026-03-09T00:00:00Z', '--until', '2026-03-12T00:00:00Z']
    expect(dir.run(['bill', ...window, '--report', join(dir.root, 'pages')]).code).toBe(4)
    browser = await openBrowser()
  })
  afterAll(async () => {
    await browser?.close()
    dir.remove()
  })

  it.each([
    ['index.html', 1280],
    ['index.html', 390],
    [`tenant-${record(0).tenant_id}.html`, 1280],
    [`tenant-${record(0).tenant_id}.html`, 390],
  ])('%s at %i pixels', async (name, width) => {
    const { page, complaints } = await openPage(browser, join(dir.root, 'pages', name), width)
    const text = await page.locator('body').textContent()
    // Of 20 records (1 + n) / 1024 cost 210 / 1024 in all, those of even n 100 / 1024.
    const [due, exactly] = name === 'index.html' ? ['0.21 USD', '0.205078125'] : ['0.10 USD', '0.09765625']
    expect(text).toContain(due)
    expect(text).toContain(`exactly ${exactly} USD`)
    expect(text).toContain('2026-03-09 no traffic')
    if (name !== 'index.html') expect(text).toContain(HOSTILE)
    // A bar for each of the two days with costs: a chart that is not empty.
    const bars = await page
      .locator('svg path[fill="#2563eb"]')
      .evaluateAll((paths) => paths.map((path) => path.getBoundingClientRect().height))
    expect(bars.filter((height) => height > 10)).toHaveLength(2)
    const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth')
    expect(overflow).toBeLessThanOrEqual(0)
    expect(complaints).toEqual([])
    await page.close()
  })

  it('leads from the index to each tenant and back', async () => {
    const { page } = await openPage(browser, join(dir.root, 'pages', 'index.html'), 1280)
    await page.locator(`a[href="tenant-${record(1).tenant_id}.html"]`).click()
    expect(await page.locator('h1').textContent()).toBe(record(1).tenant_id)
    await page.getByText('All tenants').click()
    expect(await page.locator('h1').textContent()).toBe('Bill 2026-03-09 to 2026-03-11')
    await page.close()
  })
})
