import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { insertOf, record, SEGMENT, segment } from '../support/records.js'
import { expectLedger } from '../support/server/expect-ledger.js'
import { type LoopbackProxy, type OnStatement, startProxy } from '../support/server/proxy.js'
import { documentedRights, requiredRights } from '../support/server/rights.js'
import { ServerDir, type ServerRan } from '../support/server/server-dir.js'

vi.setConfig({ testTimeout: 300_000 })

const OURS = Array.from({ length: 40 }, (_, n) => record(n))
const [EVERY, OPTIONAL, REPLAY, CREATE_SCHEMA, DISCARD, UNDO, REPAIR, COMPARE] = documentedRights().map(
  ({ rights }) => rights,
)
const STAGING = /^(?:INSERT INTO|ALTER TABLE) `obleth`\.`(usage_replay_r\w+)`/

let dir: ServerDir
let proxy: LoopbackProxy
/** What the user is granted now, what it has needed since, and what befalls its statements. */
let granted: readonly string[] = []
let needed = new Set<string>()
let befalls: OnStatement
/** What the commands of each list have used. */
const used = new Map<readonly string[], Set<string>>()

beforeAll(async () => {
  dir = await ServerDir.start()
  dir.files.write(SEGMENT, segment([OURS]))
  proxy = await startProxy(dir.server.url, async (sql, when) => {
    for (const right of when === 'before' ? requiredRights(sql) : []) {
      needed.add(right)
      if (!granted.includes(right)) throw denied(right)
    }
    await befalls(sql, when)
  })
})
afterAll(async () => {
  await proxy.close()
  await dir.remove()
})

/** Runs a command whose user has only the rights given, as a server would enforce them. */
async function withRights(
  rights: readonly string[],
  args: readonly string[],
  onStatement: OnStatement = async () => {},
): Promise<ServerRan> {
  granted = rights
  needed = new Set()
  befalls = onStatement
  return await dir.command(args, { url: proxy.url })
}

function denied(right: string): Error {
  return new Error(
    `Code: 497. DB::Exception: ledger: Not enough privileges. To execute this query, it's necessary to have the grant ` +
      `${right.replace(' ON', '(request_id, ts_ms) ON')}. (ACCESS_DENIED) (version 26.7.2.1)`,
  )
}

/** Runs a command of a list with the rights of that list and of what it builds on, and notes what it used of it. */
async function run(own: readonly string[], args: readonly string[], onStatement?: OnStatement): Promise<ServerRan> {
  const base = own === CREATE_SCHEMA ? [...EVERY, ...OPTIONAL, ...REPLAY] : [...EVERY, ...OPTIONAL]
  const ran = await withRights([...base, ...own], args, onStatement)
  for (const list of [own, EVERY, OPTIONAL])
    used.set(list, new Set([...(used.get(list) ?? []), ...list.filter((right) => needed.has(right))]))
  return ran
}

const ok = (ran: ServerRan, code = 0) => expect(ran.code, ran.output).toBe(code)

it('every command gets by with the rights that are listed for it, and uses each', async () => {
  ok(await run(CREATE_SCHEMA, ['replay', 'pods', '--create-schema', '--yes', '--since', '2030-01-01T00:00:00Z']))
  await dir.sql(
    insertOf(OURS.slice(0, 10)),
    'ALTER TABLE obleth.usage MODIFY TTL toDateTime(ts_ms / 1000) + INTERVAL 40 YEAR',
    'TRUNCATE TABLE obleth.usage_meta',
  )
  ok(await run(EVERY, ['replay', 'pods', '--dry-run']))
  ok(await run(REPLAY, ['replay', 'pods', '--yes', '--until', '2026-03-10T22:30:00Z']))
  ok(await run(REPLAY, ['replay', 'pods', '--yes'], disturb(...ALL)))
  for (const args of [
    ['audit', '--retention-days', '36500'],
    ['runs', 'list'],
    ['query', 'SELECT 1'],
  ])
    expect((await run(EVERY, args)).code).not.toBe(12)
  ok(await run(EVERY, ['bill', '--period', '2026-03-10', '--against', 'rollup']))
  const [{ run: runId }] = (await dir.sql('SELECT run FROM obleth.usage_replay_steps ORDER BY at DESC LIMIT 1'))[0]
  ok(await run(EVERY, ['runs', 'show', runId]))
  ok(await run(UNDO, ['runs', 'undo', runId, '--yes']))
  const staged = await run(REPLAY, ['replay', 'pods', '--stage-only'])
  ok(staged)
  ok(await run(DISCARD, ['runs', 'discard', staged.document.runId, '--yes']))
  await dir.sql(
    'INSERT INTO obleth.usage SELECT * FROM obleth.usage SETTINGS async_insert = 0',
    'INSERT INTO obleth.usage SELECT * REPLACE (weight + 1 AS weight) FROM obleth.usage LIMIT 3 SETTINGS async_insert = 0',
  )
  ok(await run(EVERY, ['repair', '--dry-run']), 4)
  ok(await run(REPAIR, ['repair', '--yes']))
  const comparing = ['pods', '--retention-days', '36500']
  ok(await run(COMPARE, ['audit', ...comparing], disturb('fail', 'halve')), 4)
  expect((await run(COMPARE, ['bill', ...comparing, '--period', '2026-03-10'])).code).not.toBe(12)

  for (const list of [EVERY, OPTIONAL, REPLAY, CREATE_SCHEMA, DISCARD, UNDO, REPAIR, COMPARE])
    expect([...(used.get(list) ?? [])].sort()).toEqual([...list].sort())
})

/** What a replay must be able to put right: failed and half-done inserts, a new column, a pod's copies. */
const ALL = ['fail', 'halve', 'column', 'copies']

function disturb(...by: string[]): OnStatement {
  const left = new Set(by)
  return async (sql, when) => {
    const staging = STAGING.exec(sql)?.[1]
    const insert = sql.startsWith('INSERT') && staging !== undefined
    if (insert && when === 'before' && left.delete('fail')) throw new Error('no healthy upstream')
    if (insert && when === 'after' && left.delete('halve'))
      await dir.sql(`ALTER TABLE obleth.${staging} DELETE WHERE status_code = 500 SETTINGS mutations_sync = 2`)
    if (/INTO `obleth`\.`usage_replay_ids`/.test(sql) && when === 'before' && left.delete('column'))
      await dir.sql("ALTER TABLE obleth.usage ADD COLUMN region String DEFAULT 'none'")
    if (/MOVE PARTITION/.test(sql) && when === 'after' && left.delete('copies')) await dir.sql(insertOf(OURS.slice(10)))
  }
}

it('without the rights to what it can do without, a command warns and goes on', async () => {
  const ran = await withRights(EVERY, ['replay', 'pods', '--dry-run'])
  ok(ran)
  const told = ran.document.warnings.filter((warning) => warning.class === 'not_readable').map(({ message }) => message)
  for (const right of OPTIONAL) expect(told.join()).toContain(right.replace('SELECT ON ', ''))
})

it.each([
  'CREATE TABLE ON obleth.usage_replay_*',
  'SELECT ON system.processes',
  'ALTER MOVE PARTITION ON obleth.usage_replay_*',
  'OPTIMIZE ON obleth.usage',
  'INSERT ON obleth.usage_daily',
])('without %s a replay ends with 12 and says what to grant, and goes on once it is', async (right) => {
  await dir.empty()
  ok(await dir.replayNothing())
  await dir.sql(insertOf(OURS.slice(0, 10)))
  dir.files.write(SEGMENT, segment([OURS]))
  const rights = [...EVERY, ...OPTIONAL, ...REPLAY]
  const without = rights.filter((other) => other !== right)
  // Copies that a pod inserts would hide that the rollup needs a difference.
  const onStatement = right.includes('usage_daily') ? undefined : disturb(...ALL)
  const ran = await withRights(without, ['replay', 'pods', '--yes'], onStatement)
  expect(ran.code, ran.output).toBe(12)
  expect((ran.document.error as unknown as { hint: string }).hint).toContain(`GRANT ${right} TO this user`)
  ok(await withRights(rights, ['replay', 'pods', '--yes']))
  await expectLedger(dir, OURS)
})
