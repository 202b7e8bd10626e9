import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { CrashPoint } from '../kill-rename.js'
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

/** The kinds of all renames that the server makes for the command, in their order. */
export async function renamesOf(command: ServerCommand): Promise<readonly string[]> {
  const scene = new Scene(command)
  try {
    const trace = await scene.served.startTraced()
    scene.start()
    const { code, stdout, stderr } = await scene.ended()
    expect(code, stderr + stdout).toBe(command.code)
    await scene.served.stop()
    return trace.kinds
  } finally {
    await scene.remove()
  }
}

/**
 * Kills the server at the points, one after the other, while the command runs; then lets it work. The command may wait
 * for the server or fail, then it is run again: the ledger in the end decides.
 */
export async function killServerAt(
  command: ServerCommand,
  points: readonly CrashPoint[],
  holdMs: number,
): Promise<'done' | 'too late'> {
  const scene = new Scene(command)
  try {
    for (const point of points) {
      const trace = await scene.served.startTraced(point, holdMs)
      await scene.untilServerIsGone()
      expect(trace.outcome, trace.kinds.join(', ')).not.toBe('not reached')
      if (trace.outcome === 'too late') return 'too late'
    }
    await scene.served.start()
    const ran = await scene.toTheEnd()
    command.expectEnd(ran, answerOf(scene.dir, await scene.served.ask(ANSWER_SQL)), scene.goesOn)
    return 'done'
  } finally {
    await scene.remove()
  }
}

/** A ledger, its server, and the command that runs on it. */
class Scene {
  readonly dir: LedgerDir
  readonly served: ServedLedger
  goesOn = true
  private running: Running | undefined

  constructor(private readonly command: ServerCommand) {
    this.dir = command.fresh()
    this.served = new ServedLedger(this.dir)
  }

  start(): void {
    this.goesOn = stateOf(this.dir) !== 'published'
    this.running = startCommand(this.dir, this.command.args(this.dir), [], this.served.target)
  }

  /** The end of the command that runs. Throws where it hangs. */
  async ended(): Promise<Ended> {
    return await inTime((this.running as Running).ended)
  }

  /** A command that was cut short by an earlier kill may end only now: then it is started again. */
  async untilServerIsGone(): Promise<void> {
    for (;;) {
      if (this.running === undefined) this.start()
      const ended = await Promise.race([this.served.gone(), this.ended()])
      if (ended === undefined) return
      this.running = undefined
      // Where it has come to its end, the point is not one of its way.
      if (ended.code === this.command.code) return
      this.expectCutShort(ended)
    }
  }

  async toTheEnd(): Promise<Ran> {
    if (this.running === undefined) this.start()
    const first = await this.ended()
    if (first.code === this.command.code) return ranOf(first)
    this.expectCutShort(first)
    this.start()
    return ranOf(await this.ended())
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
