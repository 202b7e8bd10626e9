import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { LedgerDir, type Ran, type Row } from './ledger-dir.js'
import {
  BATCH,
  batches,
  insertOf,
  ROLLUP_SQL,
  record,
  rollupOf,
  START_MS,
  segment,
  type TestRecord,
} from './records.js'

const HALF_HOUR_MS = 1_800_000

/** 10,500 records over thirty hours, so three days; every batch touches all of them, and holds some of a benchmark. */
const ALL = Array.from({ length: 10_500 }, (_, n) =>
  record(n, { ts_ms: START_MS + (n % 60) * HALF_HOUR_MS + n, request_type: n % 101 === 7 ? 'benchmark' : 'chat' }),
)
/** Went straight into the ledger: no file holds them. */
const DIRECT = ALL.slice(10_000)
const IN_FILES = ALL.slice(0, 10_000)
/** Before a checkpoint. */
const ACKNOWLEDGED = [...ALL.slice(0, 2000), ...ALL.slice(4000, 5500)]
/** The first batch behind pod 0's checkpoint: committed, but the pod died before it wrote so. */
const COMMITTED = ALL.slice(2000, 2500)

/** Half of all; the ledger has a few of them with other values, which it keeps. */
const HALF = ALL.filter((_, n) => n % 1000 < BATCH).map((r, i) => (i % 500 === 3 ? { ...r, input_tokens: 7 } : r))
const NOT_HALF = IN_FILES.filter((_, n) => n % 1000 >= BATCH)

/** Blocks of 4096 records, inserted two by two: every day comes to several parts of staging. */
export const REPLAY_ARGS = ['--memory', '16MiB']

export interface Scenario {
  readonly name: string
  /** What gateways had inserted. Null: there is no ledger at all. */
  readonly inserted: readonly TestRecord[] | null
  readonly rawLost: boolean
  /** What `usage` and `usage_daily` hold in the end, and how the command ends. */
  readonly usage: readonly TestRecord[]
  readonly rollup: readonly TestRecord[]
  readonly code: number
}

export const SCENARIOS: readonly Scenario[] = [
  { name: 'an empty ledger', inserted: null, rawLost: false, usage: IN_FILES, rollup: IN_FILES, code: 0 },
  {
    name: 'raw table lost, rollup intact, a batch committed without its checkpoint',
    inserted: [...ACKNOWLEDGED, ...COMMITTED],
    rawLost: true,
    usage: IN_FILES,
    rollup: IN_FILES,
    code: 0,
  },
  {
    name: 'half of it in the ledger already',
    inserted: HALF,
    rawLost: false,
    usage: [...HALF, ...NOT_HALF],
    rollup: [...HALF, ...NOT_HALF],
    code: 0,
  },
  {
    name: 'raw table lost with rows that no file holds',
    inserted: [...ACKNOWLEDGED, ...DIRECT],
    rawLost: true,
    usage: IN_FILES,
    // In each group the acknowledged records are taken as counted, and nothing behind a checkpoint is.
    rollup: ALL,
    code: 4,
  },
]

/** Everything that must be the same, whatever interrupted the run. */
export interface Answer {
  readonly usage: Row
  readonly rollup: Readonly<Record<string, string>>
  /** Tables of a run that nobody owns any more, and the lock. */
  readonly leftTables: readonly string[]
  /** Files of the state beside manifest and quarantine. */
  readonly leftFiles: readonly string[]
}

const USAGE_SQL = `SELECT count() AS rows, uniqExact(request_id) AS ids, sum(cityHash64(*)) AS hash,
  sum(cityHash64(toString(ts))) AS times FROM obleth.usage`
const LEFT_SQL = `SELECT name FROM system.tables WHERE database = 'obleth' AND name NOT IN ('usage', 'usage_daily',
  'usage_daily_mv', 'usage_meta', 'usage_replay_ids', 'usage_replay_plan', 'usage_replay_steps') ORDER BY name`

export const ANSWER_SQL: readonly string[] = [USAGE_SQL, ROLLUP_SQL, LEFT_SQL]

/** `rows`: what the ledger answers to `ANSWER_SQL`, where a server has it. */
export function answerOf(dir: LedgerDir, rows: readonly Row[][] = dir.sql(...ANSWER_SQL)): Answer {
  const [[usage], sums, left] = rows
  const files = readdirSync(dir.state, { recursive: true, encoding: 'utf8' })
  return {
    usage,
    rollup: Object.fromEntries(sums.map(({ key, sums: values }) => [key, values])),
    leftTables: left.map(({ name }) => name),
    leftFiles: files.filter((file) => !/^[0-9a-f]{16}(\/(run\.json|quarantine\.jsonl))?$/.test(file)),
  }
}

/** What `run.json` says of the run; null where there is none. */
export function stateOf(dir: LedgerDir): string | null {
  try {
    const [folder] = readdirSync(dir.state)
    return (JSON.parse(readFileSync(join(dir.state, folder, 'run.json'), 'utf8')) as { state: string }).state
  } catch {
    return null
  }
}

/** What a document says of the records and of those that the ledger has with other values. */
function told({ document: { records, warnings, window } }: Ran): object {
  const differing = warnings.filter((warning) => warning.class === 'differs_from_ledger').map(({ count }) => count)
  return { records, differing, window }
}

/** A scenario made once, its undisturbed run, and copies of its beginning to disturb. */
export class KillGround {
  private readonly template: LedgerDir
  readonly undisturbed: Answer
  /** How long the undisturbed run took, ms. */
  readonly durationMs: number
  private readonly told: object

  constructor(readonly scenario: Scenario) {
    this.template = new LedgerDir()
    if (scenario.inserted !== null) fill(this.template, scenario.inserted, scenario.rawLost)
    const dir = this.fresh()
    const started = performance.now()
    const ran = dir.replay(...REPLAY_ARGS)
    this.durationMs = performance.now() - started
    this.undisturbed = answerOf(dir)
    dir.remove()
    this.expectDone(ran)
    this.told = told(ran)
    // Worked out from the records themselves: an undisturbed run that is wrong would prove nothing.
    const rows = String(scenario.usage.length)
    expect(this.undisturbed.usage).toMatchObject({ rows, ids: rows })
    expect(this.undisturbed).toMatchObject({ rollup: rollupOf(scenario.rollup), leftTables: [], leftFiles: [] })
  }

  /** The files and the ledger as they are before the replay, in a folder of their own. */
  fresh(): LedgerDir {
    return copyOf(this.template)
  }

  /** The exit code and the statement about the rollup that the undisturbed run ended with. */
  expectDone(ran: Ran): void {
    const { code, document } = ran
    const rollup = this.scenario.code === 4 ? 'mismatch' : 'consistent'
    expect({ code, rollup: document.rollup, error: document.error }, ran.stderr).toEqual({
      code: this.scenario.code,
      rollup,
      error: undefined,
    })
  }

  /** Runs the command to its end, and finds what an undisturbed run would have left and, where one went on, told. */
  expectRecovery(dir: LedgerDir): void {
    const goesOn = stateOf(dir) !== 'published'
    const ran = dir.replay(...REPLAY_ARGS)
    this.expectEnd(ran, answerOf(dir), goesOn)
  }

  /** `goesOn`: the last command was the disturbed run itself, not another after its end. */
  expectEnd(ran: Ran, answer: Answer, goesOn: boolean): void {
    this.expectDone(ran)
    if (goesOn) expect(told(ran)).toEqual(this.told)
    expect(answer).toEqual(this.undisturbed)
  }

  remove(): void {
    this.template.remove()
  }
}

/** The same files and ledger in a folder of their own. */
export function copyOf(template: LedgerDir): LedgerDir {
  const dir = new LedgerDir()
  writePods(dir)
  if (existsSync(template.ledger)) cpSync(template.ledger, dir.ledger, { recursive: true, verbatimSymlinks: true })
  return dir
}

/** Two pods: each with a segment that is drained in part and one that is not; pod 1 has copies of pod 0's second. */
export function writePods(dir: LedgerDir): void {
  const write = (pod: number, name: string, records: readonly TestRecord[], acknowledged: number) => {
    const file = `router-${pod}/telemetry.wal.segments/${name}-0b0f5a3c-7f6e-4f60-9f06-8f3a4a0d9c11.jsonl`
    dir.write(file, segment(batches(records)))
    if (acknowledged > 0) dir.write(`${file}.offset`, String(segment(batches(records.slice(0, acknowledged))).length))
  }
  write(0, '01773180000000000000', ALL.slice(0, 4000), 2000)
  write(1, '01773180000000000001', ALL.slice(4000, 7000), 1500)
  write(0, '01773180000000000002', ALL.slice(7000, 9000), 0)
  write(1, '01773180000000000003', [...ALL.slice(9000, 10_000), ...ALL.slice(8000, 9000)], 0)
}

/** obleth's schema, then the gateways' batches through the view, then the loss. */
export function fill(dir: LedgerDir, inserted: readonly TestRecord[], rawLost: boolean): void {
  writePods(dir)
  expect(dir.replay('--since', '2030-01-01T00:00:00Z').code).toBe(0)
  dir.sql(...batches(inserted).map(insertOf), ...(rawLost ? ['TRUNCATE TABLE obleth.usage'] : []))
}
