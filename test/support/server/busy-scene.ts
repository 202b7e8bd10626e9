import { expect, onTestFinished } from 'vitest'
import { insertOf, ROLLUP_SQL, record, rollupOf, SEGMENT, START_MS, segment } from '../records.js'
import { type Misfortune, startBusyProxy } from './busy-proxy.js'
import { ServerDir, type ServerRan } from './server-dir.js'

const DAY_MS = 86_400_000
/** Three days: of the first some records are in the ledger, of the second all, of the third none. */
const ALL = Array.from({ length: 600 }, (_, n) => record(n, { ts_ms: START_MS + (n % 3) * DAY_MS + n }))
const THERE = ALL.filter((_, n) => n % 3 === 1 || n % 6 === 0)
/** Records that a replay inserts. */
const NEW = ALL.length - THERE.length

const STAGING = 'usage_replay_r[0-9a-f]{12}`'
const STEP = /INSERT INTO .*usage_replay_steps/s

/** The statements of a replay that change something: what it is, how it is known, how many like it come before. */
export const REPLAY_STATEMENTS: [what: string, kind: RegExp, skip?: number][] = [
  ['the marker of the backfill', /INSERT INTO .*usage_meta/],
  ['the lock', /CREATE TABLE .*usage_replay_lock/],
  ['a table of the runs', /CREATE TABLE IF NOT EXISTS .*usage_replay_plan/],
  ['the staging table', new RegExp(`CREATE TABLE .*${STAGING} AS`)],
  ['its settings', /MODIFY SETTING/],
  ['a block', new RegExp(`INSERT INTO .*${STAGING} .*FORMAT Native`, 's')],
  ['a block of evidence', /INSERT INTO .*_evidence` .*FORMAT Native/s],
  ['the step that notes the batches', STEP],
  ['a removal of known records', new RegExp(`ALTER TABLE .*${STAGING} DELETE IN PARTITION`, 's')],
  ['a removal of a known day', new RegExp(`ALTER TABLE .*${STAGING} DROP PARTITION`, 's')],
  ['a plan', /INSERT INTO .*usage_replay_plan/s],
  ['the ids', /INSERT INTO .*usage_replay_ids/s],
  ['the step of a plan', STEP, 1],
  ['a move', /MOVE PARTITION/],
  ['a correction of the rollup', /INSERT INTO .*`usage_daily`/s],
  ['the step of a day', STEP, 2],
  ['the last step', STEP, 5],
  ['giving staging back', new RegExp(`DROP TABLE .*${STAGING} SYNC`), 1],
  ['giving the lock back', /DROP TABLE .*usage_replay_lock/],
]

export const MISFORTUNES: [what: string, misfortune: Misfortune][] = [
  ['meets a memory limit', { code: 241 }],
  ['is done and its answer is lost', 'lost'],
  ['comes late, behind its repetition', 'late'],
]

/** A server and files for many replays through misfortunes, one after the other. */
export class BusyScene {
  private constructor(readonly dir: ServerDir) {}

  static async make(): Promise<BusyScene> {
    return new BusyScene(await ServerDir.start())
  }

  remove(): Promise<void> {
    return this.dir.remove()
  }

  /** A ledger that holds half of three days, and files that hold all of them. */
  async halfFilled(): Promise<void> {
    const { dir } = this
    await dir.empty()
    await dir.replayNothing()
    await dir.sql(insertOf(THERE), 'TRUNCATE TABLE obleth.usage_meta', 'TRUNCATE TABLE obleth.usage_replay_steps')
    dir.clear()
    const [known, rest] = [segment([ALL.slice(0, 300)]), segment([ALL.slice(300)])]
    dir.files.write(SEGMENT, known + rest)
    dir.files.write(`${SEGMENT}.offset`, String(known.length))
  }

  /** Lets a pod insert some records of the second day again. */
  async double(): Promise<void> {
    await this.dir.sql(insertOf(ALL.filter((_, n) => n % 3 === 1).slice(0, 20)))
  }

  /**
   * Replays through a proxy that lets misfortunes befall; it must meet the statement. `again`: the same command at the same
   * address, which a run is bound to.
   */
  async replay(
    kind: RegExp,
    misfortune: Misfortune,
    which: { skip?: number; times?: number } = {},
  ): Promise<{ ran: ServerRan; met: readonly string[]; again(): Promise<ServerRan> }> {
    const proxy = await startBusyProxy(this.dir.server.url, kind, misfortune, which)
    onTestFinished(() => proxy.close())
    const replay = () => this.dir.run(['--yes'], { url: proxy.url, loud: true })
    const ran = await replay()
    await proxy.release()
    expect(proxy.met.length, ran.output).toBeGreaterThan(which.skip ?? 0)
    return { ran, met: [...proxy.met], again: replay }
  }

  /** Expects all records, each once, the rollup that they make, and what an undisturbed replay says and leaves. */
  async expectReplayed(ran: ServerRan): Promise<void> {
    const { records, rollup, status } = ran.document
    expect([ran.code, status, rollup, records?.inserted, records?.alreadyInLedger], ran.output).toEqual([
      0,
      'ok',
      'consistent',
      NEW,
      THERE.length,
    ])
    const [[usage], sums, left, ids, steps] = await this.dir.sql(
      'SELECT count() AS rows, uniqExact(request_id) AS ids FROM obleth.usage',
      ROLLUP_SQL,
      `SELECT name FROM system.tables WHERE database = 'obleth'
         AND (name = 'usage_replay_lock' OR match(name, '^usage_replay_r[0-9a-z]+'))`,
      'SELECT uniqExact(request_id) AS ids FROM obleth.usage_replay_ids',
      'SELECT DISTINCT partition_id AS day, step FROM obleth.usage_replay_steps ORDER BY step, day',
    )
    expect(usage).toEqual({ rows: String(ALL.length), ids: String(ALL.length) })
    expect(Object.fromEntries(sums.map(({ key, sums: s }) => [key, s]))).toEqual(rollupOf(ALL))
    expect([left, ids]).toEqual([[], [{ ids: String(NEW) }]])
    expect(steps.map(({ step, day }) => `${step} ${day}`)).toEqual([
      'batches ',
      'finished ',
      'planned 20260310',
      'planned 20260312',
      'published 20260310',
      'published 20260312',
    ])
  }
}
