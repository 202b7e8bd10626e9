import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'

const PROGRAM = '/usr/bin/chromium'

/** Why no page can be opened here, or null. With CI=true that is an error. */
export function withoutBrowser(): string | null {
  if (existsSync(PROGRAM)) return null
  if (process.env.CI === 'true') throw new Error('chromium is missing: install it (Debian package chromium)')
  return 'chromium is missing'
}

export const openBrowser = (): Promise<Browser> => chromium.launch({ executablePath: PROGRAM, args: ['--no-sandbox'] })

/** What a page did that a self-contained page must not: requests beside its own file, and what it told the console. */
export interface Watched {
  readonly page: Page
  readonly complaints: readonly string[]
}

/** Opens a local file at a width in CSS pixels. */
export async function openPage(browser: Browser, file: string, width: number): Promise<Watched> {
  const page = await browser.newPage({ viewport: { width, height: 900 } })
  const complaints: string[] = []
  const url = `file://${file}`
  page.on('request', (request) => {
    if (request.url() !== url && !request.url().startsWith('data:')) complaints.push(`loads ${request.url()}`)
  })
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(String(error)))
  await page.goto(url)
  return { page, complaints }
}
