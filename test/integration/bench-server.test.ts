import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { BenchDocument } from '../../src/domain/bench.js'
import { insertOf, record } from '../support/records.js'
import { startProxy } from '../support/server/proxy.js'
import { documentedRights, requiredRights } from '../support/server/rights.js'
import { type ReplayHow, ServerDir } from '../support/server/server-dir.js'

let dir: ServerDir
let before: unknown

beforeAll(async () => {
  dir = await ServerDir.start()
  await dir.empty()
  await dir.replayNothing()
  await dir.sql(
    insertOf(Array.from({ length: 500 }, (_, n) => record(n))),
    'CREATE DATABASE obleth_bench_of_somebody_else',
    'CREATE TABLE obleth_bench_of_somebody_else.kept (n Int32) ENGINE = MergeTree ORDER BY n',
  )
  before = await live()
})
afterAll(() => dir.remove())
beforeEach(() => dir.clear())

/** Everything on the server: databases, tables with their rows, and the bits of the ledger. */
async function live(): Promise<unknown> {
  return await dir.sql(
    "SELECT name FROM system.databases WHERE lower(name) != 'information_schema' ORDER BY name",
    `SELECT database, name, total_rows FROM system.tables
     WHERE database NOT IN ('system') AND lower(database) != 'information_schema' ORDER BY database, name`,
    'SELECT sum(cityHash64(*)) AS bits, count() AS rows FROM obleth.usage',
    'SELECT sum(cityHash64(*)) AS bits, sum(requests) AS requests FROM obleth.usage_daily FINAL',
  )
}

const OURS = "match(name, '^obleth_bench_[0-9a-f]{12}$')"
const FILLED = `SELECT 1 FROM system.tables WHERE match(database, '^obleth_bench_[0-9a-f]{12}$')
  AND match(name, '^usage_replay_r[0-9a-f]{12}$') AND total_rows > 0`
const bench = (args: readonly string[], how: ReplayHow = {}) =>
  dir.command(['bench', '--target', 'server', ...args], how)

it('a server is measured in a database of its own, which is gone afterwards', async () => {
  const ran = await bench(['--records', '3000', '--rounds', '2', '--yes'])
  expect(ran.code, ran.output).toBe(0)
  const document = ran.document as unknown as BenchDocument
  expect(document).toMatchObject({
    status: 'ok',
    input: { records: 3000 },
    target: { kind: 'server', location: dir.server.url },
  })
  expect(document.rounds).toHaveLength(2)
  expect(await live()).toEqual(before)
})

it('unasked, nothing is made', async () => {
  const ran = await bench(['--records', '1000'])
  expect([ran.code, ran.document.error?.code], ran.output).toEqual([5, 'refused'])
  expect(ran.output).toContain('--yes')
  expect(await live()).toEqual(before)
})

it('the URL of a server alone is no wish to measure it', async () => {
  const ran = await dir.command(['bench', '--records', '1000', '--rounds', '1'])
  expect([ran.code, (ran.document as unknown as BenchDocument).target.kind], ran.output).toEqual([0, 'embedded'])
  expect(await live()).toEqual(before)
})

it.each(['SIGINT', 'SIGTERM'] as const)('%s drops the database', async (killBy) => {
  const ran = await bench(['--records', '60000', '--yes'], { killWhen: () => dir.until(FILLED), killBy })
  expect([ran.code, ran.document.error?.code], ran.output).toEqual([killBy === 'SIGINT' ? 130 : 143, 'interrupted'])
  expect(await live()).toEqual(before)
})

it('a kill leaves it, and the next bench drops it, but no database of others', async () => {
  const killed = await bench(['--records', '60000', '--yes'], { killWhen: () => dir.until(FILLED) })
  expect(killed.signal).toBe('SIGKILL')
  expect((await dir.sql(`SELECT name FROM system.databases WHERE ${OURS}`))[0]).toHaveLength(1)
  const ran = await bench(['--records', '100', '--rounds', '1', '--yes'])
  expect(ran.code, ran.output).toBe(0)
  expect(await live()).toEqual(before)
})

it('a server that dies and comes back is waited for', async () => {
  const ran = bench(['--records', '60000', '--rounds', '1', '--yes'])
  await dir.until(FILLED)
  await dir.restart('SIGKILL')
  const { code, output } = await ran
  expect(code, output).toBe(0)
  expect(await live()).toEqual(before)
})

it('of one that stays away it says what is left there', async () => {
  const died = async () => {
    await dir.until(FILLED)
    await dir.server.kill('SIGKILL')
  }
  const ran = await bench(['--records', '60000', '--yes'], { killWhen: died, killBy: 'SIGINT' })
  expect([ran.code, ran.document.error?.code], ran.output).toEqual([13, 'target_unreachable'])
  expect(ran.document.error?.message).toMatch(/database obleth_bench_[0-9a-f]{12} is left there/)
  await dir.restart('SIGKILL')
  expect((await bench(['--records', '100', '--rounds', '1', '--yes'])).code).toBe(0)
  expect(await live()).toEqual(before)
})

/** What can be left out is documented once for all commands. */
const OPTIONAL = documentedRights()[1].rights

it('no statement names another database, and the rights that are listed for it are those it needs', async () => {
  const needed = new Set<string>()
  const proxy = await startProxy(dir.server.url, async (sql, when) => {
    if (when === 'after') return
    expect(sql).not.toMatch(/\bobleth\b/)
    for (const right of requiredRights(sql.replaceAll(/obleth_bench_[0-9a-f]{12}/g, 'obleth')))
      needed.add(right.replace(/ ON obleth\..*/, ' ON obleth_bench_*.*'))
  })
  try {
    const ran = await bench(['--records', '1000', '--rounds', '1', '--yes'], { url: proxy.url })
    expect(ran.code, ran.output).toBe(0)
  } finally {
    await proxy.close()
  }
  const listed = documentedRights().find(({ heading }) => heading.startsWith('`bench'))?.rights ?? []
  expect([...needed].filter((right) => !OPTIONAL.includes(right)).sort()).toEqual([...listed].sort())
})
