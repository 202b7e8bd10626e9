import { expect } from 'vitest'
import { type LoopbackProxy, type OnStatement, startProxy } from './proxy.js'
import type { ServerDir, ServerRan } from './server-dir.js'

/**
 * One address for a server that can be disturbed on the way: a run is bound to its address, so a command that is killed
 * goes on only where it finds the server at the same one.
 */
export class OneAddress {
  /** What befalls each statement; nothing at first. */
  befalls: OnStatement = async () => {}

  private constructor(
    private readonly dir: ServerDir,
    private proxy: LoopbackProxy | null,
  ) {}

  static async start(dir: ServerDir): Promise<OneAddress> {
    const address = new OneAddress(dir, null)
    address.proxy = await startProxy(dir.server.url, (sql, when) => address.befalls(sql, when))
    return address
  }

  async close(): Promise<void> {
    await this.proxy?.close()
  }

  /** Backups and restores keep no state on this side. */
  command(args: readonly string[], killWhen?: () => Promise<void>): Promise<ServerRan> {
    const url = this.proxy?.url ?? ''
    const state = !['backup', 'restore'].includes(args[0])
    return this.dir.command(args, { url, state, ...(killWhen === undefined ? {} : { killWhen }) })
  }

  /** Kills a command when its n-th statement of a kind, from 0, is done, before it knows. */
  async killAfter(args: readonly string[], statement: RegExp, n: number): Promise<void> {
    let seen = 0
    let ran: Promise<ServerRan> | undefined
    const killed = new Promise<void>((resolve) => {
      this.befalls = async (sql, when) => {
        if (when !== 'after' || !statement.test(sql) || seen++ !== n) return
        resolve()
        // Its answer comes when the command is dead, so that it never knows.
        await ran
      }
    })
    ran = this.command(args, () => killed)
    const { signal, output } = await ran
    expect(signal, output).toBe('SIGKILL')
    this.befalls = async () => {}
  }
}
