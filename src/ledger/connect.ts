import type { TargetOptions } from '../domain/options.js'
import type { Ledger } from './ledger.js'

/**
 * Connects to the ledger that the options name: a server where there is a URL, else the embedded one. Throws
 * `config` (a URL that cannot be used), `access_denied`, `target_unreachable` (after retries) or `target_locked`.
 */
export async function connect(target: TargetOptions): Promise<Ledger> {
  // Each loads its engine or transport only where it is needed.
  if (target.url === undefined) return (await import('./embedded.js')).openEmbedded(target)
  return (await import('./server.js')).openServer(target, target.url)
}
