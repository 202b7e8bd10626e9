import { expect } from 'vitest'
import { type Answer, answerOf, copyOf, fill, REPLAY_ARGS, SCENARIOS } from '../kill-scenarios.js'
import { LedgerDir, type Ran } from '../ledger-dir.js'
import { insertOf, rollupOf } from '../records.js'
import type { ServerCommand } from './scene.js'

/** Half of the records, as gateways inserted them. */
const BEFORE = SCENARIOS[2].usage.slice(0, SCENARIOS[2].inserted?.length)

/** A command that brings a ledger back to what it was before something else was done to it. */
export class TakingBack implements ServerCommand {
  readonly code = 0
  private readonly template = new LedgerDir()
  private readonly before: Answer
  private readonly command: readonly string[]

  /** `change`: what is done to the ledger; the command that takes it back. */
  constructor(change: (dir: LedgerDir) => readonly string[]) {
    fill(this.template, BEFORE, false)
    this.before = answerOf(this.template)
    const rows = String(BEFORE.length)
    expect(this.before).toMatchObject({ usage: { rows, ids: rows }, rollup: rollupOf(BEFORE) })
    this.command = change(this.template)
    expect(answerOf(this.template)).not.toEqual(this.before)
    // Or a merge behind the scenes would change which renames there are.
    this.template.sql('ALTER TABLE obleth.usage MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 1')
  }

  fresh(): LedgerDir {
    return copyOf(this.template)
  }

  args(): readonly string[] {
    return this.command
  }

  expectEnd({ code, document, stderr }: Ran, answer: Answer): void {
    expect({ code, error: document.error }, stderr).toEqual({ code: 0, error: undefined })
    // A repair that was killed behind its last note is done: it is not taken up again, and leaves its folder.
    const { repaired } = document as { repaired?: boolean }
    const { leftFiles } = repaired === false ? answer : this.before
    expect(answer).toEqual({ ...this.before, leftFiles })
  }

  remove(): void {
    this.template.remove()
  }
}

/** The undo of a replay onto that half, one day of which was merged meanwhile. */
export function undoing(): TakingBack {
  return new TakingBack((dir) => {
    const { code, document } = dir.replay(...REPLAY_ARGS)
    expect([code, document.records.inserted]).toEqual([0, SCENARIOS[2].usage.length - BEFORE.length])
    dir.sql("OPTIMIZE TABLE obleth.usage PARTITION ID '20260311' FINAL")
    return ['runs', 'undo', document.runId, '--yes']
  })
}

/** The repair of that half after pods inserted some of it again, as it was and with other values that lose. */
export function repairing(): TakingBack {
  return new TakingBack((dir) => {
    const copies = BEFORE.slice(600, 720)
    const versions = BEFORE.slice(100, 220).map((r) => ({ ...r, output_tokens: r.output_tokens - 1 }))
    dir.sql(insertOf([...copies, ...versions]))
    return ['repair', '--yes']
  })
}
