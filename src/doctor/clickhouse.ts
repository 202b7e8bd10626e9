import { existsSync } from 'node:fs'
import { age } from '../domain/age.js'
import type { Problem, StoreReport } from '../domain/doctor.js'
import { LedgerError } from '../domain/errors.js'
import type { TargetOptions } from '../domain/options.js'
import { connect } from '../ledger/connect.js'
import { literal } from '../ledger/identifiers.js'
import { ifAllowed } from '../ledger/if-allowed.js'
import { inspectTarget, type TargetState } from '../ledger/inspect-target.js'
import type { Ledger } from '../ledger/ledger.js'
import { ttlOf } from '../ledger/table-ttl.js'
import { unreachable } from './unreachable.js'

/** A replica that is so far behind holds back what a failover needs. */
const MOST_DELAY_SECONDS = 300
const LOST = 'obleth-ledger doctor --lost clickhouse tells what to do'

/** Looks at the ledger. Never throws for what it finds, nor where it finds nothing. */
export async function examineClickhouse(target: TargetOptions, nowMs: number): Promise<StoreReport> {
  const place = target.url ?? target.embedded
  // To open it would make one.
  if (target.url === undefined && !existsSync(target.embedded)) return gone(place)
  let ledger: Ledger | undefined
  try {
    ledger = await connect(target)
    return await examine(ledger, nowMs)
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error
    return unreachable('clickhouse', place, error, LOST)
  } finally {
    await ledger?.close()
  }
}

function gone(place: string): StoreReport {
  const reason = 'there is no embedded ledger, and no server is named'
  const next = `name the server with OBLETH_CLICKHOUSE_URL; ${LOST}`
  return {
    store: 'clickhouse',
    health: 'unreachable',
    place,
    facts: [],
    problems: [{ about: 'clickhouse', reason, next }],
  }
}

async function examine(ledger: Ledger, nowMs: number): Promise<StoreReport> {
  const state = await inspectTarget(ledger)
  const problems: Problem[] = []
  const facts = [{ name: 'version', value: state.version }]
  const report = (): StoreReport => ({
    store: 'clickhouse',
    health: problems.length === 0 ? 'ok' : 'attention',
    place: `${ledger.location}, database ${ledger.database}`,
    facts,
    problems,
  })
  if (state.usage === null) {
    const about = state.databaseExists ? 'its database has no table usage' : 'it has no such database'
    problems.push({ about: 'clickhouse', reason: `${about}: the ledger is gone, or was never here`, next: LOST })
    return report()
  }
  facts.push(...(await contents(ledger, state, state.usage, nowMs)))
  if (state.rollup === null || state.view === null)
    problems.push({
      about: 'clickhouse',
      reason: 'usage_daily or its view is missing: daily sums are not kept',
      next: 'restart obleth, which makes them at boot, then run obleth-ledger audit',
    })
  const replicas = await replication(ledger)
  facts.push({ name: 'replication', value: replicas.told })
  problems.push(...replicas.problems)
  return report()
}

async function contents(
  ledger: Ledger,
  { rollup }: TargetState,
  usage: NonNullable<TargetState['usage']>,
  nowMs: number,
) {
  const [{ newest }] = await ledger.rows<{ newest: string }>(
    `SELECT toString(max(ts_ms)) AS newest FROM ${ledger.table('usage')}`,
  )
  const ttl = ttlOf(usage)
  return [
    { name: 'usage', value: `${usage.rows} rows, ${usage.engine}` },
    { name: 'usage_daily', value: rollup === null ? 'missing' : `${rollup.rows} rows` },
    ...(usage.rows === 0
      ? []
      : [
          {
            name: 'newest record',
            value: `${new Date(Number(newest)).toISOString()}, ${age(nowMs - Number(newest))} ago`,
          },
        ]),
    { name: 'ttl', value: ttl === null ? 'none' : ttl.expression },
  ]
}

interface Replica {
  readonly table: string
  readonly readonly: number
  readonly expired: number
  readonly delay: string
  readonly total: number
  readonly active: number
}

/** ClickHouse's own replication, as system.replicas has it. */
async function replication(ledger: Ledger): Promise<{ told: string; problems: Problem[] }> {
  const rows = await ifAllowed(
    ledger.rows<Replica>(
      `SELECT table, toUInt8(is_readonly) AS readonly, toUInt8(is_session_expired) AS expired,
         toString(absolute_delay) AS delay, toUInt32(total_replicas) AS total, toUInt32(active_replicas) AS active
       FROM system.replicas WHERE database = ${literal(ledger.database)} ORDER BY table`,
    ),
    () => {},
  )
  if (rows === null) return { told: 'not known: this user may not read system.replicas', problems: [] }
  if (rows.length === 0) return { told: 'none: what this server holds, no other one does', problems: [] }
  const problems = rows.flatMap((replica) => {
    const reasons = [
      ...(replica.readonly ? ['it is read-only'] : []),
      ...(replica.expired ? ['its session with Keeper has expired'] : []),
      ...(Number(replica.delay) > MOST_DELAY_SECONDS ? [`it is ${replica.delay} s behind`] : []),
      ...(replica.active < replica.total ? [`${replica.active} of ${replica.total} replicas are active`] : []),
    ]
    if (reasons.length === 0) return []
    const next = 'look at system.replicas and system.replication_queue on each server'
    return [{ about: 'clickhouse', reason: `replica of ${replica.table}: ${reasons.join(', ')}`, next }]
  })
  const [{ total }] = rows
  return { told: `${total} replicas of ${rows.length} tables`, problems }
}
