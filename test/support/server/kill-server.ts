import { expect } from 'vitest'
import type { CrashPoint } from '../kill-rename.js'
import { Scene, type ServerCommand } from './scene.js'

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
      const outcome = await trace.outcome()
      expect(outcome, trace.kinds.join(', ')).not.toBe('not reached')
      if (outcome === 'too late') return 'too late'
    }
    await scene.served.start()
    await scene.expectEnd()
    return 'done'
  } finally {
    await scene.remove()
  }
}
