import { OneAddress } from './one-address.js'
import { type LoopbackProxy, startProxy } from './proxy.js'
import type { ServerDir } from './server-dir.js'

/** The nth statement of a kind, from 1. */
export interface StatementPoint {
  readonly statement: RegExp
  readonly nth: number
  /** Before the server hears of it, or when it is done and its sender does not know yet. */
  readonly when: 'before' | 'after'
}

/** Stands between a command and its server, and kills the command at the point. `kill` resolves when it is dead. */
export async function startKillingProxy(
  server: string,
  point: StatementPoint,
  kill: () => Promise<unknown>,
): Promise<LoopbackProxy> {
  let seen = 0
  return await startProxy(server, async (sql, when) => {
    if (when !== point.when || !point.statement.test(sql) || ++seen !== point.nth) return
    await kill()
    if (when === 'before') throw new Error('whoever sent this is dead')
  })
}

/** Kills a command when its n-th statement of a kind, from 0, is done, before it knows; at an address of its own. */
export async function killAfter(dir: ServerDir, args: readonly string[], statement: RegExp, n: number): Promise<void> {
  const server = await OneAddress.start(dir)
  try {
    await server.killAfter(args, statement, n)
  } finally {
    await server.close()
  }
}
