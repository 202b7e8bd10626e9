import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ROLLUP_SQL, record, rollupOf, SEGMENT, START_MS, segment, type TestRecord } from '../support/records.js'
import { ServerDir, type ServerRan } from '../support/server/server-dir.js'

/** Four batches over three days, so that a kill may fall between two days. */
const ALL = Array.from({ length: 2000 }, (_, n) => record(n, { ts_ms: START_MS + (n % 60) * 1_800_000 + n }))

let dir: ServerDir

beforeAll(async () => {
  dir = await ServerDir.start()
})
afterAll(() => dir.remove())
beforeEach(async () => {
  await dir.empty()
  dir.files.write(SEGMENT, segment([0, 1, 2, 3].map((i) => ALL.slice(500 * i, 500 * (i + 1)))))
})

const ARGS = ['--yes', '--create-schema']
const STAGED = `SELECT 1 FROM system.tables WHERE database = 'obleth' AND match(name, '^usage_replay_r[0-9a-f]{12}$')
  AND total_rows > 0`
const PLANNED = "SELECT 1 FROM obleth.usage_replay_steps WHERE step = 'planned' LIMIT 1"
const FIRST_PUBLISHED = "SELECT 1 FROM obleth.usage_replay_steps WHERE step = 'published' LIMIT 1"

async function killed(when: string): Promise<void> {
  const ran = await dir.run(ARGS, { killWhen: () => dir.until(when) })
  expect(ran.signal, ran.output).toBe('SIGKILL')
}

async function expectDone(ran: ServerRan, records: readonly TestRecord[] = ALL): Promise<void> {
  expect([ran.code, ran.document.rollup], ran.output).toEqual([0, 'consistent'])
  const [[usage], sums, left] = await dir.sql(
    'SELECT count() AS rows, uniqExact(request_id) AS ids FROM obleth.usage',
    ROLLUP_SQL,
    `SELECT name FROM system.tables WHERE database = 'obleth'
     AND (name = 'usage_replay_lock' OR match(name, '^usage_replay_r[0-9a-f]{12}'))`,
  )
  expect(usage).toEqual({ rows: String(records.length), ids: String(records.length) })
  expect(Object.fromEntries(sums.map(({ key, sums: s }) => [key, s]))).toEqual(rollupOf(records))
  expect(left).toEqual([])
}

describe('a replay into a server that was killed', () => {
  it.each([
    ['with rows in staging', STAGED],
    ['with a day planned', PLANNED],
    ['with a day published', FIRST_PUBLISHED],
  ])('%s goes on when it is started again', async (_, when) => {
    await killed(when)
    const ran = await dir.run(ARGS)
    await expectDone(ran)
    expect(ran.document.records).toMatchObject({ decoded: 2000, inserted: 2000, alreadyInLedger: 0 })
  })

  it('goes on when the server was killed as well', async () => {
    await killed(PLANNED)
    await dir.restart('SIGKILL')
    await expectDone(await dir.run(ARGS))
  })

  it('goes on when the server comes back while it runs', async () => {
    const ran = dir.run(ARGS)
    await dir.until(PLANNED)
    await dir.restart('SIGKILL')
    await expectDone(await ran)
  })
})

describe('the lock on a server', () => {
  const other = () => ['--state-dir', join(dir.files.root, 'state', 'of-another')]

  it('keeps another run out, which names its holder and can take over', async () => {
    await killed(STAGED)
    const holder = await dir.sql("SELECT comment FROM system.tables WHERE name = 'usage_replay_lock'")
    const { runId, pid } = JSON.parse(holder[0][0].comment) as { runId: string; pid: number }
    const refused = await dir.run([...ARGS, ...other()])
    expect([refused.code, refused.document.error?.code], refused.output).toEqual([11, 'target_locked'])
    expect(refused.document.error?.message).toContain(`run ${runId}, process ${pid}`)
    expect(refused.output).toContain('--break-lock')
    expect(await dir.sql('SELECT count() AS rows FROM obleth.usage')).toEqual([[{ rows: '0' }]])

    const ran = await dir.run([...ARGS, ...other(), '--break-lock'])
    expect([ran.code, ran.document.rollup, ran.document.records.inserted], ran.output).toEqual([0, 'consistent', 2000])
    // The run that was killed has its staging still; it finds that nothing of it is new.
    const late = await dir.run(ARGS)
    expect(late.document.records).toMatchObject({ inserted: 0, alreadyInLedger: 2000 })
    await expectDone(late)
  })

  it('cannot be broken while a day is half published: that run must end first', async () => {
    await killed(PLANNED)
    const refused = await dir.run([...ARGS, ...other(), '--break-lock'])
    expect([refused.code, refused.document.error?.code], refused.output).toEqual([11, 'target_locked'])
    expect(refused.output).toContain('--state-dir')
    await expectDone(await dir.run(ARGS))
  })
})
