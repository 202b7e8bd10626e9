import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { type Ended, type Running, ranOf, startCommand } from '../kill-run.js'
import { ANSWER_SQL, type Answer, answerOf, stateOf } from '../kill-scenarios.js'
import type { LedgerDir, Ran } from '../ledger-dir.js'
import { ServedLedger } from './served-ledger.js'

/** A command that changes a ledger behind HTTP: where it begins, and how it must have ended, whatever disturbed it. */
export interface ServerCommand {
  /** The ledger as it is before the command, in a folder of its own. */
  fresh(): LedgerDir
  args(dir: LedgerDir): readonly string[]
  /** The exit code when it is done. */
  readonly code: number
  /** `goesOn`: the last command was the disturbed one, not another after its end. */
  expectEnd(ran: Ran, answer: Answer, goesOn: boolean): void
}

/** What a command ends with whose server was killed, unless it waits until the server is back. */
const CUT_SHORT: readonly (number | null)[] = [1, 13]
/** A command that takes longer hangs. */
const LONGEST_MS = 240_000

/** A fresh ledger, its server, and the command that runs on it. */
export class Scene {
  readonly dir: LedgerDir
  readonly served: ServedLedger
  /** Where the command finds the server, if not at the server's own address. */
  url: string | undefined
  private goesOn = true
  private running: Running | undefined

  constructor(private readonly command: ServerCommand) {
    this.dir = command.fresh()
    this.served = new ServedLedger(this.dir)
  }

  /** `wrapper`: a command that runs the command. */
  start(wrapper: readonly string[] = []): Running {
    this.goesOn = stateOf(this.dir) !== 'published'
    this.running = startCommand(this.dir, this.command.args(this.dir), wrapper, this.served.target(this.url))
    return this.running
  }

  /** The end of the command that runs. Throws where it hangs. */
  async ended(): Promise<Ended> {
    return await inTime((this.running as Running).ended)
  }

  async kill(): Promise<Ended> {
    this.running?.child.kill('SIGKILL')
    return await this.ended()
  }

  /** Runs the command until the server was killed. One that an earlier kill cut short may end only now: it is started again. */
  async untilServerIsGone(): Promise<void> {
    for (;;) {
      if (this.running === undefined) this.start()
      const ended = await Promise.race([this.served.gone(), this.ended()])
      if (ended === undefined) return
      this.running = undefined
      // Where it has come to its end, the point is not one of its way: nothing else will end the server.
      if (ended.code === this.command.code) return await this.served.stop()
      this.expectCutShort(ended)
    }
  }

  /** Lets the command come to its end, by another start if need be, and looks at what it leaves. */
  async expectEnd(): Promise<void> {
    if (this.running === undefined) this.start()
    let ended = await this.ended()
    if (ended.code !== this.command.code) {
      if (ended.signal === null) this.expectCutShort(ended)
      this.start()
      ended = await this.ended()
    }
    const answer = answerOf(this.dir, await this.served.ask(ANSWER_SQL))
    this.command.expectEnd(ranOf(ended), answer, this.goesOn)
  }

  async remove(): Promise<void> {
    this.running?.child.kill('SIGKILL')
    await this.running?.ended
    await this.served.kill()
    this.dir.remove()
  }

  private expectCutShort({ code, stdout, stderr }: Ended): void {
    expect(CUT_SHORT, stderr + stdout).toContain(code)
  }
}

async function inTime<T>(promise: Promise<T>): Promise<T> {
  const late = sleep(LONGEST_MS, undefined, { ref: false }).then(() => {
    throw new Error(`the command has not ended after ${LONGEST_MS} ms`)
  })
  return await Promise.race([promise, late])
}
