import { readFileSync } from 'node:fs'

/** The version of this package, as documents state it. */
export function toolVersion(): string {
  const file = new URL('../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
