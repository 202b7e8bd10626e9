import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { startProxy } from './proxy.js'
import type { ServerDir } from './server-dir.js'

/** Kills a command when its n-th statement of a kind is done, before it knows. */
export async function killAfter(dir: ServerDir, args: readonly string[], statement: RegExp, n: number): Promise<void> {
  let seen = 0
  let kill: () => void = () => {}
  const killed = new Promise<void>((resolve) => {
    kill = resolve
  })
  const proxy = await startProxy(dir.server.url, async (sql, when) => {
    if (when !== 'after' || !statement.test(sql) || seen++ !== n) return
    kill()
    await sleep(500)
  })
  const ran = await dir.command(args, { url: proxy.url, killWhen: () => killed })
  await proxy.close()
  expect(ran.signal, ran.output).toBe('SIGKILL')
}
