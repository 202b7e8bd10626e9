import { spawnSync } from 'node:child_process'
import { appendFileSync, chmodSync, cpSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { casePath, expectedOf, quarantineOf } from '../support/cases.js'
import { LedgerDir } from '../support/ledger-dir.js'
import { Pods } from '../support/pods/index.js'

const SEGMENT = 'router-5c4b-0/telemetry.wal.segments/01750000000000000000-1c1f7d52-0d53-4f07-8b1b-7f3b1a9f7d01.jsonl'
const USAGE = 'SELECT toString(request_id) AS id, input_tokens, output_tokens FROM obleth.usage ORDER BY id'

let dir: LedgerDir
beforeEach(() => {
  dir = new LedgerDir()
})
afterEach(() => dir.remove())

/** The ledger holds these records of a case, with its sums where they are all of them. */
function expectLoaded(name: string, ids: readonly string[]): void {
  const [rows] = dir.sql(USAGE)
  expect(rows.map(({ id }) => id)).toEqual([...ids].sort())
  const { totals } = expectedOf(name)
  if (ids.length !== totals.records_loaded) return
  const sum = (column: string) => rows.reduce((total, row) => total + Number(row[column]), 0)
  expect([sum('input_tokens'), sum('output_tokens')]).toEqual([totals.sum_input_tokens, totals.sum_output_tokens])
}

describe('cases in steps', () => {
  it('043: a file that is cut and filled again between two runs', () => {
    const file = join(dir.pods, SEGMENT)
    dir.write(SEGMENT, readFileSync(casePath('043', 'step1.jsonl')))
    const first = dir.replay()
    expect([first.code, first.document.records.inserted]).toEqual([0, 6])
    // The same inode, as copy-and-truncate leaves it.
    truncateSync(file)
    writeFileSync(file, readFileSync(casePath('043', 'step2.jsonl')))
    const second = dir.replay()
    expect([second.code, second.document.records.inserted]).toEqual([0, 3])
    expectLoaded('043', expectedOf('043').required_request_ids)
  })

  it('045: a file that is still being written', () => {
    dir.write(SEGMENT, readFileSync(casePath('045', 'part1.bin')))
    const first = dir.replay()
    expect(first.code).toBe(0)
    expect(first.document.records.inserted).toBe(3)
    expect(first.document.lines).toMatchObject({ tornTails: 1, quarantined: 0 })
    appendFileSync(join(dir.pods, SEGMENT), readFileSync(casePath('045', 'part2.bin')))
    const second = dir.replay()
    expect(second.code).toBe(0)
    expect(second.document.records).toMatchObject({ inserted: 3, alreadyInLedger: 3 })
    expect(second.document.lines).toMatchObject({ tornTails: 0, quarantined: 0 })
    expectLoaded('045', expectedOf('045').required_request_ids)
  })

  it('055: a file that may not be read', ({ skip }) => {
    const without = withoutOverride()
    if (without === null) return skip('cannot give up the right to read every file here')
    cpSync(casePath('055', 'input'), dir.pods, { recursive: true })
    const [{ file }] = (expectedOf('055') as unknown as { warnings: { file: string }[] }).warnings
    const path = file.replace(/^input\//, '')
    chmodSync(join(dir.pods, path), 0)
    const { code, document } = dir.run(['replay', dir.pods], {}, without)
    expect([code, document.status]).toEqual([3, 'incomplete'])
    expect(document.sources.unreadable.map((entry) => entry.path)).toEqual([path])
    expectLoaded('055', expectedOf('055').required_request_ids)

    for (const command of [['inspect'], ['collect', '--to', join(dir.root, 'bundle')]]) {
      const ran = dir.run([command[0], dir.pods, ...command.slice(1)], {}, without)
      expect(ran.code, command[0]).toBe(3)
      // A collect has its own document.
      const { sources, unreadable } = ran.document as typeof ran.document & { unreadable?: { path: string }[] }
      expect((unreadable ?? sources.unreadable).map((entry) => entry.path)).toEqual([path])
    }

    const folder = dirname(join(dir.pods, path))
    chmodSync(folder, 0)
    const again = dir.run(['replay', dir.pods], {}, without)
    chmodSync(folder, 0o755)
    expect([again.code, again.document.records.inserted]).toEqual([3, 0])
    expect(again.document.sources.unreadable.map((entry) => entry.path)).toEqual([dirname(path)])
  })

  it('095: days are those of UTC, wherever the command runs', () => {
    const { code } = dir.run(['replay', casePath('095', 'input')], { TZ: 'America/Los_Angeles' })
    expect(code).toBe(0)
    const [rows] = dir.sql('SELECT _partition_id AS day, count() AS n FROM obleth.usage GROUP BY day ORDER BY day')
    expect(rows).toEqual([
      { day: '20250614', n: '3' },
      { day: '20250615', n: '3' },
    ])
  })

  describe('101: records older than the TTL', () => {
    const count = () => dir.sql('SELECT count() AS n FROM obleth.usage')[0][0].n
    const replay = (...args: string[]) => dir.run(['replay', casePath('101', 'input'), ...args])

    beforeEach(() => {
      mkdirSync(dir.ledger, { recursive: true })
      expect(replay('--since', '2030-01-01T00:00:00Z').code).toBe(0)
      // Three records are of 2023, two of 2025.
      const days = Math.floor((Date.now() - Date.UTC(2024, 5, 1)) / 86_400_000)
      dir.sql(`ALTER TABLE obleth.usage MODIFY TTL toDateTime(ts_ms / 1000) + INTERVAL ${days} DAY`)
    })

    it('are refused unless told otherwise, with nothing published', () => {
      const { code, document } = replay()
      expect([code, document.error?.code]).toEqual([5, 'refused'])
      expect(document.error?.message).toContain('3 records')
      expect(count()).toBe('0')
    })

    it('are left out with --expired skip', () => {
      const { code, document } = replay('--expired', 'skip')
      expect(code).toBe(0)
      expect(document.records).toMatchObject({ decoded: 5, inserted: 2, filteredOut: 3 })
      expect(document.warnings).toContainEqual(expect.objectContaining({ class: 'expired', count: 3 }))
      expect(count()).toBe('2')
    })

    it('are loaded with --expired include', () => {
      const { code, document } = replay('--expired', 'include')
      expect(code).toBe(0)
      expect(document.records).toMatchObject({ decoded: 5, inserted: 5, filteredOut: 0 })
      expect(document.warnings).toContainEqual(expect.objectContaining({ class: 'expired', count: 3 }))
    })
  })

  it('103: records of a clock that is years ahead are held back, and loaded when told to', () => {
    const held = dir.run(['replay', casePath('103', 'input')])
    expect([held.code, held.document.records.inserted]).toEqual([3, 3])
    expect(quarantineOf(held.document).map(({ reason }) => reason)).toEqual(['ts_in_future', 'ts_in_future'])
    expectLoaded('103', expectedOf('103').required_request_ids)
    const loaded = dir.run(['replay', casePath('103', 'input'), '--accept-future'])
    expect([loaded.code, loaded.document.records.inserted]).toEqual([0, 2])
    const { required_request_ids, salvageable_request_ids = [] } = expectedOf('103')
    expectLoaded('103', [...required_request_ids, ...salvageable_request_ids])
  })
})

describe('125: a copy out of a pod that is cut', () => {
  it('is compared with its size and SHA-256 in the pod; what came is loaded, and what is missing is named', async () => {
    const copied = readFileSync(casePath('125', 'copied.jsonl'))
    const { size, sha256 } = JSON.parse(readFileSync(casePath('125', 'source.json'), 'utf8'))
    const pods = Pods.start()
    const header = `part ${size} ${sha256}\n`
    const fault = { on: 'serve', calls: 'all', kind: 'cut', after: header.length + copied.length } as const
    pods.pod({ name: 'router-5c4b-0', faults: [fault], tools: 'as-in-the-pod' })
    pods.script('as-in-the-pod', 'sha256sum', '', `cat >/dev/null; echo '${sha256}  -'`)
    pods.write('router-5c4b-0', {
      '/var/lib/obleth/telemetry.wal': Buffer.concat([copied, Buffer.alloc(size - copied.length, ' ')]),
    })
    const source = 'k8s://obleth/app=gateway?timeout=10s'
    const { code, document } = await dir.runBeside(['replay', source], pods.env)
    const [from, end] = (expectedOf('125') as unknown as { missing_bytes: number[] }).missing_bytes
    expect([code, document.status]).toEqual([3, 'incomplete'])
    expect(document.sources.unreadable).toMatchObject([
      {
        path: 'router-5c4b-0/telemetry.wal',
        reason: expect.stringContaining(`its bytes ${from} to ${end} are missing`),
      },
    ])
    expectLoaded('125', expectedOf('125').required_request_ids)
  })
})

/** A command that runs another without the right of root to read every file; empty for a user who has no such right. */
function withoutOverride(): string[] | null {
  if (process.getuid?.() !== 0) return []
  const rights = '-dac_override,-dac_read_search'
  const command = ['setpriv', `--inh-caps=${rights}`, `--bounding-set=${rights}`, '--']
  return spawnSync(command[0], [...command.slice(1), 'true']).status === 0 ? command : null
}
