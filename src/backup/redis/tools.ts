import { LedgerError } from '../../domain/errors.js'
import { lastWords, run } from '../program.js'

/** Version of redis-cli, and of the check programs that come with it. Throws `config` where it is missing. */
export async function cliVersion(signal: AbortSignal): Promise<string> {
  return versionIn(await run('redis-cli', ['--version'], { signal }))
}

/** Version of the redis-server of this machine; null where there is none. */
export async function serverVersion(signal: AbortSignal): Promise<string | null> {
  try {
    return versionIn(await run('redis-server', ['--version'], { signal }))
  } catch (error) {
    if (error instanceof LedgerError && error.code === 'config') return null
    throw error
  }
}

/** `redis-cli 7.0.15`, `Redis server v=7.0.15 sha=…`. */
function versionIn(ran: Parameters<typeof lastWords>[0]): string {
  return /\bv?=?(\d+\.\d+[\w.-]*)/.exec(ran.stdout)?.[1] ?? lastWords(ran, 1)
}
