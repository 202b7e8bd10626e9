import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { replayToRename, withoutStrace } from '../support/kill-rename.js'
import { startReplay, type Target } from '../support/kill-run.js'
import { LedgerDir } from '../support/ledger-dir.js'
import { record, segment } from '../support/records.js'
import { makeTarget, PASSWORD, type TestTarget, USER } from '../support/server/targets.js'

const RECORDS = 1000
const missing = withoutStrace()

/** A lock on a server does not end with its owner; a run must know its own, whenever it was killed. */
describe('a replay into a server, killed right after its state was written', () => {
  let dir: LedgerDir
  let server: TestTarget
  let target: Target
  beforeEach(async ({ skip }) => {
    if (missing !== null) skip(missing)
    dir = new LedgerDir()
    const all = Array.from({ length: RECORDS }, (_, n) => record(n))
    const name = '01773180000000000000-0b0f5a3c-7f6e-4f60-9f06-8f3a4a0d9c11.jsonl'
    dir.write(`router-0/telemetry.wal.segments/${name}`, segment([all.slice(0, 500), all.slice(500)]))
    server = await makeTarget('server')
    target = {
      args: ['--clickhouse-url', server.server?.url ?? '', '--clickhouse-user', USER, '--yes', '--create-schema'],
      env: { OBLETH_LEDGER_CLICKHOUSE_PASSWORD: PASSWORD },
    }
  })
  afterEach(async () => {
    await server?.remove()
    dir?.remove()
  })

  it.each([1, 2, 3, 4])('for the %i. time, is not locked out', async (nth) => {
    const { kinds, ended } = await replayToRename(dir, { kind: 'write run.json', nth }, target)
    expect(
      kinds.filter((kind) => kind === 'write run.json'),
      ended.stderr + ended.stdout,
    ).toHaveLength(nth)
    const { code, stdout, stderr } = await startReplay(dir, [], target).ended
    expect(code, stdout + stderr).toBe(0)
    const ledger = await server.open('obleth')
    const [usage] = await ledger.rows('SELECT count() AS rows, uniqExact(request_id) AS ids FROM obleth.usage')
    const left = await ledger.rows(`SELECT name FROM system.tables WHERE database = 'obleth'
      AND (name = 'usage_replay_lock' OR match(name, '^usage_replay_r[0-9a-f]{12}'))`)
    await ledger.close()
    expect(usage).toEqual({ rows: String(RECORDS), ids: String(RECORDS) })
    expect(left).toEqual([])
  })
})
