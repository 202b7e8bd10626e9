import type { Readable } from 'node:stream'
import { expect } from 'vitest'
import { type CrashPoint, RenameTrace, straceFor } from '../kill-rename.js'
import { RenameNames } from '../kill-rename-names.js'
import { type StatementPoint, startKillingProxy } from './kill-statement.js'
import { Scene, type ServerCommand } from './scene.js'

/** Kills the command, not its server, at a rename that it makes itself: of its state. Then it is run again. */
export async function killCommandAtRename(
  command: ServerCommand,
  point: CrashPoint,
  holdMs: number,
): Promise<'done' | 'too late'> {
  const scene = new Scene(command)
  try {
    await scene.served.start()
    const { child } = scene.start(straceFor(point, holdMs))
    const trace = new RenameTrace(child.stderr as Readable, new RenameNames(scene.dir), point)
    const { stderr } = await scene.ended()
    const outcome = await trace.outcome()
    expect(outcome, stderr).not.toBe('not reached')
    if (outcome === 'too late') return 'too late'
    await scene.expectEnd()
    return 'done'
  } finally {
    await scene.remove()
  }
}

/** Kills the command at a statement that it sends to the target. Then it is run again. */
export async function killCommandAtStatement(command: ServerCommand, point: StatementPoint): Promise<void> {
  const scene = new Scene(command)
  await scene.served.start()
  const proxy = await startKillingProxy(scene.served.url, point, () => scene.kill())
  try {
    scene.url = proxy.url
    scene.start()
    const { signal, stdout, stderr } = await scene.ended()
    expect(signal, stderr + stdout).toBe('SIGKILL')
    await scene.expectEnd()
  } finally {
    await proxy.close()
    await scene.remove()
  }
}
