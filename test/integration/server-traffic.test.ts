import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { batches, insertOf, record, SEGMENT, START_MS, segment, type TestRecord } from '../support/records.js'
import { expectLedger } from '../support/server/expect-ledger.js'
import { startProxy } from '../support/server/proxy.js'
import { ServerDir, type ServerRan } from '../support/server/server-dir.js'
import { besideTraffic } from '../support/server/traffic.js'

// A busy machine takes long for so many statements.
vi.setConfig({ testTimeout: 300_000 })

let dir: ServerDir

beforeAll(async () => {
  dir = await ServerDir.start()
})
afterAll(() => dir.remove())
beforeEach(async () => {
  await dir.empty()
  const schema = await dir.replayNothing()
  expect(schema.code, schema.output).toBe(0)
})

describe('other records that arrive while a replay publishes', () => {
  const OURS = Array.from({ length: 600 }, (_, n) => record(n))
  const acknowledged = OURS.slice(0, 400)
  let nextId = 10_000
  const another = (size: number) => Array.from({ length: size }, () => record(nextId++))

  beforeEach(async () => {
    // The raw table was lost, the rollup not: every group has a drift that the traffic must not be taken for.
    await dir.sql(...batches(acknowledged, 100).map(insertOf), 'TRUNCATE TABLE obleth.usage')
    dir.files.write(SEGMENT, segment(batches(OURS, 100)))
    dir.files.write(`${SEGMENT}.offset`, String(segment(batches(acknowledged, 100)).length))
  })

  it('change nothing, whenever they do', async () => {
    const { outcome: ran, others } = await besideTraffic(
      dir,
      () => another(7),
      () => dir.replay(),
    )
    expect([ran.code, ran.document.rollup, ran.document.records.inserted], ran.output).toEqual([0, 'consistent', 600])
    expect(others.length).toBeGreaterThan(50)
    await expectLedger(dir, [...OURS, ...others])
  })

  it('change nothing either between any two statements of the run', async () => {
    const others: TestRecord[] = []
    const proxy = await startProxy(dir.server.url, async (_, when) => {
      if (when === 'after') return
      const batch = another(2)
      await dir.sql(insertOf(batch))
      others.push(...batch)
    })
    const ran = await dir.run(['--yes'], { url: proxy.url })
    await proxy.close()
    expect([ran.code, ran.document.rollup, ran.document.records.inserted], ran.output).toEqual([0, 'consistent', 600])
    await expectLedger(dir, [...OURS, ...others])
  })

  it('a column that obleth adds to `usage` before the first move stops nothing', async () => {
    let added = false
    const proxy = await startProxy(dir.server.url, async (sql, when) => {
      if (added || when !== 'before' || !/INTO `obleth`\.`usage_replay_ids`/.test(sql)) return
      added = true
      await dir.sql("ALTER TABLE obleth.usage ADD COLUMN region String DEFAULT 'none'")
    })
    const ran = await dir.run(['--yes'], { url: proxy.url })
    await proxy.close()
    expect([added, ran.code, ran.document.records.inserted], ran.output).toEqual([true, 0, 600])
    await expectLedger(dir, OURS)
  })
})

describe('a pod that drains the same records while they are published', () => {
  /** One day, so that there is one move. */
  const OURS = Array.from({ length: 60 }, (_, n) => record(n, { ts_ms: START_MS + n }))
  const MOVE = /MOVE PARTITION/
  const ROLLUP = /INSERT INTO `obleth`\.`usage_daily`/
  const PLAN = /INSERT INTO `obleth`\.`usage_replay_plan`/

  /** Inserts the pod's batches at one statement of the run, and brings the run to its end. */
  async function disturbed(statement: RegExp, when: 'before' | 'after', drained: readonly TestRecord[]) {
    let done = false
    const proxy = await startProxy(dir.server.url, async (sql, now) => {
      if (done || now !== when || !statement.test(sql)) return
      done = true
      for (const batch of batches(drained, 20)) await dir.sql(insertOf(batch))
    })
    const first = await dir.run(['--yes'], { url: proxy.url })
    expect(done, first.output).toBe(true)
    // To the same address: a run is bound to it.
    const again = first.code === 5 ? await dir.run(['--yes'], { url: proxy.url }) : first
    await proxy.close()
    return { first, again }
  }

  /** Every id once and the rollup right; or it stopped and said so, and the same command brought it there. */
  async function expectOnce({ first, again }: { first: ServerRan; again: ServerRan }): Promise<void> {
    expect([0, 5], first.output).toContain(first.code)
    expect([again.code, again.document.rollup], again.output).toEqual([0, 'consistent'])
    await expectLedger(dir, OURS)
  }

  beforeEach(() => dir.files.write(SEGMENT, segment(batches(OURS, 20))))

  it.each([
    ['before the plan', PLAN, 'before'],
    ['behind the plan', PLAN, 'after'],
    ['right before the move', MOVE, 'before'],
    ['right behind the move', MOVE, 'after'],
    ['before the rollup is settled', ROLLUP, 'before'],
    ['after the rollup was settled', ROLLUP, 'after'],
  ] as const)('does not double them: all of them %s', async (_, statement, when) => {
    await expectOnce(await disturbed(statement, when, OURS))
  })

  it.each([
    ['behind the plan', PLAN, 'after'],
    ['right before the move', MOVE, 'before'],
    ['right behind the move', MOVE, 'after'],
    ['after the rollup was settled', ROLLUP, 'after'],
  ] as const)('does not double them: a batch %s', async (_, statement, when) => {
    await expectOnce(await disturbed(statement, when, OURS.slice(20, 40)))
  })

  it('stops where its records are not the same', async () => {
    const other = OURS.slice(0, 20).map((r) => ({ ...r, output_tokens: 9999 }))
    const { first: ran } = await disturbed(MOVE, 'before', other)
    expect([ran.code, ran.document.error?.code], ran.output).toEqual([5, 'refused'])
    expect(ran.document.error?.message).toMatch(/20 published records are in `usage` twice/)
  })
})
