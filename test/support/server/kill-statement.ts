import { expect } from 'vitest'
import { type LoopbackProxy, startProxy } from './proxy.js'
import type { ServerDir, ServerRan } from './server-dir.js'

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

/** Kills a command when its n-th statement of a kind, from 0, is done, before it knows. */
export async function killAfter(dir: ServerDir, args: readonly string[], statement: RegExp, n: number): Promise<void> {
  let ran: Promise<ServerRan> | undefined
  let kill: () => void = () => {}
  const killed = new Promise<void>((resolve) => {
    kill = resolve
  })
  const proxy = await startKillingProxy(dir.server.url, { statement, nth: n + 1, when: 'after' }, async () => {
    kill()
    await ran
  })
  ran = dir.command(args, { url: proxy.url, killWhen: () => killed })
  const { signal, output } = await ran
  await proxy.close()
  expect(signal, output).toBe('SIGKILL')
}
