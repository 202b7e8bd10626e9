import type { Given, Layer, Problem } from './layers.js'
import { describeOrigin, rank } from './layers.js'
import type { OptionName } from './options.js'

/**
 * Takes user and password out of the server's URL, so that everything behind this sees a bare one. They count as given
 * in the URL's layer: a user or password of a higher or the same layer beats them.
 */
export function splitUrlCredentials(given: ReadonlyMap<OptionName, Given>): Layer {
  const url = given.get('clickhouse-url')
  if (url === undefined || !URL.canParse(url.texts[0])) return { given, problems: [] }
  const parsed = new URL(url.texts[0])
  if (parsed.username === '' && parsed.password === '') return { given, problems: [] }
  const split = new Map(given)
  const problems: Problem[] = []
  const put = (name: OptionName, encoded: string) => {
    if (encoded === '') return
    const other = rankOf(given.get(name))
    const file = name === 'clickhouse-password' ? rankOf(given.get('clickhouse-password-file')) : 0
    if (Math.max(other, file) >= rank(url.origin)) return
    const text = decode(encoded)
    if (text === null)
      problems.push({ at: describeOrigin(url.origin), message: `has a wrong percent sign before the @` })
    else split.set(name, { texts: [text], origin: url.origin })
  }
  put('clickhouse-user', parsed.username)
  put('clickhouse-password', parsed.password)
  parsed.username = ''
  parsed.password = ''
  split.set('clickhouse-url', { texts: [parsed.href], origin: url.origin })
  return { given: split, problems }
}

const rankOf = (given: Given | undefined): number => (given === undefined ? 0 : rank(given.origin))

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}
