import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { batches, insertOf, record, SEGMENT, START_MS, segment, type TestRecord } from '../support/records.js'
import { CLUSTER, type Engine, ledgerOf } from '../support/server/engines.js'
import { expectLedger } from '../support/server/expect-ledger.js'
import { type LoopbackProxy, type OnStatement, startProxy } from '../support/server/proxy.js'
import { ServerDir, type ServerRan } from '../support/server/server-dir.js'

vi.setConfig({ testTimeout: 300_000 })

/** One day of them, so that it takes three of the blocks that a server without memory is given. */
const OURS = Array.from({ length: 20_000 }, (_, n) => record(n, { ts_ms: START_MS + n }))

/** A block on its way into `usage`, with its size. */
const BLOCK = /^INSERT INTO `obleth`\.`usage` .*LIMIT (\d+)$/s
const PLAN = /INTO `obleth`\.`usage_replay_ids`/
const STEP = /INTO `obleth`\.`usage_replay_steps`/
const ARGS = ['--yes', '--publish', 'insert']
const NO_MEMORY = 'Code: 241. DB::Exception: Memory limit (total) exceeded. (MEMORY_LIMIT_EXCEEDED)'

let dir: ServerDir
let proxy: LoopbackProxy
let blocks: number[]
/** What happens at a statement of the command, besides the lack of memory for larger blocks. */
let happens: OnStatement

beforeAll(async () => {
  dir = await ServerDir.start('UTC', CLUSTER)
  proxy = await startProxy(dir.server.url, async (sql, when) => {
    const size = Number(BLOCK.exec(sql)?.[1])
    if (when === 'before' && size > 0) blocks.push(size)
    if (when === 'before' && size > 10_000) throw new Error(NO_MEMORY)
    await happens(sql, when)
  })
})
afterAll(async () => {
  await proxy.close()
  await dir.remove()
})
beforeEach(async () => {
  happens = async () => {}
  blocks = []
  await fresh('MergeTree')
})

async function fresh(engine: Engine): Promise<void> {
  await dir.empty()
  await dir.sql(...ledgerOf(engine))
  dir.files.write(SEGMENT, segment(batches(OURS)))
}

const run = (killWhen?: () => Promise<void>) =>
  dir.run(ARGS, { url: proxy.url, ...(killWhen === undefined ? {} : { killWhen }) })

/** Makes something happen once: at the n-th statement of a kind, before or after it. */
function once(statement: RegExp, n: number, at: 'before' | 'after', act: () => Promise<void>): void {
  let [seen, done] = [0, false]
  happens = async (sql, when) => {
    if (done || when !== at || !statement.test(sql) || seen++ !== n) return
    done = true
    await act()
  }
}

async function expectDone(ran: ServerRan, records: readonly TestRecord[] = OURS): Promise<void> {
  expect([ran.code, ran.document.rollup], ran.output).toEqual([0, 'consistent'])
  await expectLedger(dir, records)
}

describe('a day that is inserted in several blocks', () => {
  it('comes in smaller ones where the server lacks memory, in order', async () => {
    const looks: string[] = []
    happens = async (sql, when) => {
      if (when === 'after') return
      if (/FROM system\.processes WHERE startsWith\(query_id, 'usage_replay_r/.test(sql)) looks.push('at work?')
      else if (/request_id IN \(SELECT request_id FROM `obleth`\.`usage` /.test(sql)) looks.push('there?')
      else if (BLOCK.test(sql)) looks.push('block')
    }
    await expectDone(await run())
    expect(blocks).toEqual([500_000, 125_000, 31_250, 7812, 7812, 7812])
    // Before each block: does an earlier one still run, and what has it brought?
    expect(looks.join(' ')).toMatch(/at work\? block at work\? (there\? )+block at work\? (there\? )+block at work\?/)
    const parts = await dir.sql(
      `SELECT toString(count()) AS rows, toString(max(ts_ms) - ${START_MS}) AS last FROM obleth.usage
       GROUP BY intDiv(ts_ms - ${START_MS}, 7812) ORDER BY max(ts_ms)`,
    )
    expect(parts[0].map(({ rows }) => rows)).toEqual(['7812', '7812', '4376'])
  })

  it('gives up where even the smallest does not fit', async () => {
    happens = async (sql, when) => {
      if (when === 'before' && BLOCK.test(sql)) throw new Error(NO_MEMORY)
    }
    const ran = await run()
    expect([ran.code, ran.document.error?.code], ran.output).toEqual([1, 'target_failed'])
    expect(ran.output).toContain('MEMORY_LIMIT_EXCEEDED')
    happens = async () => {}
    await expectDone(await run())
  })

  it.each([0, 2])('goes on when the command was killed behind block %i', async (n) => {
    let kill: () => void = () => {}
    const killed = new Promise<void>((resolve) => {
      kill = resolve
    })
    once(BLOCK, n, 'after', async () => {
      kill()
      await sleep(300)
    })
    const ran = await run(() => killed)
    expect(ran.signal, ran.output).toBe('SIGKILL')
    await expectDone(await run())
  })

  it.each([
    [1, 'before'],
    [2, 'after'],
  ] as const)('goes on when the server was killed at block %i, %s it', async (n, at) => {
    once(BLOCK, n, at, () => dir.restart('SIGKILL'))
    const ran = await run()
    expect([0, 13], ran.output).toContain(ran.code)
    await expectDone(await run())
  })

  it.each([0, 1])('goes on when the answer to block %i was lost', async (n) => {
    once(BLOCK, n, 'after', () => Promise.reject(new Error('cut')))
    await expectDone(await run())
  })

  it('is not doubled by a block that arrives when all is done', async () => {
    let [kill, release]: (() => void)[] = [() => {}, () => {}]
    const killed = new Promise<void>((resolve) => {
      kill = resolve
    })
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    let arrived: Promise<unknown> = Promise.resolve()
    once(BLOCK, 1, 'before', () => {
      kill()
      arrived = released
      return released
    })
    expect((await run(() => killed)).signal).toBe('SIGKILL')
    await expectDone(await run())
    release()
    await arrived
    await sleep(500)
    await expectLedger(dir, OURS)
  })
})

describe('the rollup', () => {
  it('is filled up by what a view did not count that was gone for some blocks', async () => {
    once(BLOCK, 1, 'before', async () => {
      await dir.sql('DROP TABLE obleth.usage_daily_mv SYNC')
    })
    await expectDone(await run())
  })

  it('is right in the end where another view failed, and the command says which', async () => {
    await dir.sql(
      'CREATE TABLE obleth.per_model (model String) ENGINE = MergeTree ORDER BY model',
      `CREATE MATERIALIZED VIEW obleth.finance_mv TO obleth.per_model AS
         SELECT model FROM obleth.usage WHERE throwIf(model = 'gpt-large', 'no such model') = 0`,
    )
    const ran = await run()
    expect([ran.code, ran.document.error?.code], ran.output).toEqual([1, 'target_failed'])
    expect(ran.document.error?.message).toMatch(/no such model/)
    await dir.sql('DROP TABLE obleth.finance_mv SYNC')
    await expectDone(await run())
  })
})

describe('a pod that inserts the same records meanwhile', () => {
  const pod = async (records: readonly TestRecord[]) => {
    for (const batch of batches(records)) await dir.sql(insertOf(batch))
  }

  it.each([
    ['behind the plan', PLAN, 0, 'after'],
    ['before a block', BLOCK, 1, 'before'],
    ['behind a block', BLOCK, 1, 'after'],
    ['behind the last block', BLOCK, 2, 'after'],
    ['before the day is done', STEP, 1, 'before'],
  ] as const)('doubles none: %s', async (_, statement, n, at) => {
    once(statement, n, at, () => pod(OURS.slice(6000, 12_000)))
    const ran = await run()
    await expectDone(ran.code === 5 ? await run() : ran)
  })

  it('whose copies a Distributed table cannot remove stops the run, until they are gone', async () => {
    await fresh('Distributed')
    once(BLOCK, 1, 'after', () => pod(OURS.slice(0, 500)))
    const ran = await run()
    expect([ran.code, ran.document.error?.code], ran.output).toEqual([5, 'refused'])
    expect(ran.output).toMatch(/in the tables behind it/)
    await dir.sql(`OPTIMIZE TABLE obleth.usage_local FINAL DEDUPLICATE`)
    await expectDone(await run())
  })
})
