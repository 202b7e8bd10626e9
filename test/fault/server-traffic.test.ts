import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { insertOf, record, SEGMENT, segment } from '../support/records.js'
import { expectLedger } from '../support/server/expect-ledger.js'
import { ServerDir } from '../support/server/server-dir.js'
import { besideTraffic } from '../support/server/traffic.js'

const RUNS = Array.from({ length: 20 }, (_, n) => n + 1)
const OURS = Array.from({ length: 2000 }, (_, n) => record(n))

describe('replays under continuous inserts of other records', () => {
  let dir: ServerDir
  let nextId = 10_000
  let [foreign, seconds] = [0, 0]
  const another = () => Array.from({ length: 1 + (nextId % 40) }, () => record(nextId++))
  beforeAll(async () => {
    dir = await ServerDir.start()
  })
  afterAll(async () => {
    await dir.remove()
    process.stdout.write(
      `${RUNS.length} runs of ${OURS.length} records beside ${foreign} foreign rows, ${Math.round(foreign / seconds)} a second\n`,
    )
  })

  it.each(RUNS)('run %i ends right, whatever else comes in', async (run) => {
    await dir.empty()
    await dir.replayNothing()
    // Not further on: a record's tokens grow with the square of its number, and a column of them ends at 2^32.
    nextId = 10_000
    // By turns into an empty ledger, a half filled one, and one whose raw table was lost.
    const there = OURS.slice(0, 1000)
    if (run % 3 !== 0) await dir.sql(insertOf(there))
    if (run % 3 === 2) await dir.sql('TRUNCATE TABLE obleth.usage')
    dir.files.write(SEGMENT, segment([there, OURS.slice(1000)]))
    dir.files.write(`${SEGMENT}.offset`, String(run % 3 === 2 ? segment([there]).length : 0))
    const began = performance.now()
    const { outcome: ran, others } = await besideTraffic(dir, another, () => dir.replay(), { pods: 3, pauseMs: 2 })
    seconds += (performance.now() - began) / 1000
    foreign += others.length
    const inserted = run % 3 === 1 ? 1000 : 2000
    expect([ran.code, ran.document.rollup, ran.document.records?.inserted], ran.output).toEqual([
      0,
      'consistent',
      inserted,
    ])
    await expectLedger(dir, [...OURS, ...others])
  })
})
