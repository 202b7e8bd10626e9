/** Percent-encoding as the store does it in listings: a space is a plus. */
export function encodeKey(key: string): string {
  return encodeURIComponent(key)
    .replaceAll('%20', '+')
    .replaceAll('%2F', '/')
    .replace(/[!'()]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
}

export interface Page {
  readonly keys: readonly string[]
  readonly next: string | null
}

/** A page of the keys with this prefix, in the order of their bytes; a token is good for one listing only. */
export function pageOf(keys: Iterable<string>, prefix: string, token: string | null, most: number): Page {
  const after = token === null ? null : Buffer.from(token, 'base64url').toString('utf8')
  const all = [...keys]
    .filter((key) => key.startsWith(prefix))
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .filter((key) => after === null || Buffer.compare(Buffer.from(key), Buffer.from(after)) > 0)
  const page = all.slice(0, most)
  const last = page.at(-1)
  return { keys: page, next: all.length > most && last !== undefined ? Buffer.from(last).toString('base64url') : null }
}
