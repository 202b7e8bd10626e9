import type { Finding } from '../domain/audit.js'
import { type StagedWal, walPortions } from '../ledger/staged-wal.js'

const HOUR_MS = 3_600_000
const EXAMPLES = 3
/** So many hours of a stretch are listed one by one. */
const MOST_HOURS = 48

/** Missing records of one pod in one hour. */
interface MissingHour {
  readonly pod: number
  readonly acknowledged: number
  readonly hour: string
  readonly requests: string
  readonly tokens: string
  readonly cost: number
  readonly from_ms: string
  readonly to_ms: string
}

/**
 * Records that WAL files hold and `usage` lacks, a finding for each pod and stretch of hours. Those before a checkpoint
 * were in the ledger of that time: they show what its loss destroyed. A record that several pods hold counts for the first.
 */
export async function findMissing(wal: StagedWal): Promise<Finding[]> {
  const hours: MissingHour[] = []
  for await (const { usage, staged, origin } of walPortions(wal))
    hours.push(
      ...(await wal.ledger.rows<MissingHour>(
        `SELECT pod, acknowledged, toString(intDiv(ts_ms, ${HOUR_MS})) AS hour, count() AS requests,
             sum(toInt64(input_tokens) + toInt64(output_tokens)) AS tokens, ${cost(wal)} AS cost,
             min(ts_ms) AS from_ms, max(ts_ms) AS to_ms
           FROM (SELECT * FROM ${staged} AND request_id NOT IN (SELECT request_id FROM ${usage})) AS staged
           INNER JOIN (${origin}) AS origins USING (request_id)
           GROUP BY pod, acknowledged, intDiv(ts_ms, ${HOUR_MS})`,
      )),
    )
  const findings: Finding[] = []
  for (const stretch of stretches(joinPortions(hours))) findings.push(missingFinding(wal.pods, stretch))
  return findings
}

/** Records whose values in the WAL files are not those of `usage`, a finding for each pod. */
export async function findDiffering(wal: StagedWal): Promise<Finding[]> {
  const values = `cityHash64(${wal.columns.join(', ')})`
  const pods = new Map<number, { requests: number; tokens: number; cost: number; examples: string[] }>()
  for await (const { usage, staged, origin } of walPortions(wal)) {
    const rows = await wal.ledger.rows<Pick<MissingHour, 'pod' | 'requests' | 'tokens' | 'cost'> & { ids: string[] }>(
      `SELECT pod, count() AS requests, sum(toInt64(input_tokens) + toInt64(output_tokens)) AS tokens, ${cost(wal)} AS cost,
           groupArray(${EXAMPLES})(toString(request_id)) AS ids
         FROM (SELECT * FROM ${staged} AND request_id IN (SELECT request_id FROM ${usage})
           AND (request_id, ${values}) NOT IN (SELECT request_id, ${values} FROM ${usage})) AS staged
         INNER JOIN (${origin}) AS origins USING (request_id) GROUP BY pod`,
    )
    for (const row of rows) {
      const sum = pods.get(row.pod) ?? { requests: 0, tokens: 0, cost: 0, examples: [] }
      sum.requests += Number(row.requests)
      sum.tokens += Number(row.tokens)
      sum.cost += row.cost
      sum.examples.push(...row.ids)
      pods.set(row.pod, sum)
    }
  }
  return [...pods]
    .sort(([a], [b]) => a - b)
    .map(([pod, { requests, tokens, cost, examples }]) => ({
      kind: 'differs',
      place: wal.pods[pod - 1],
      window: null,
      ...{ requests, tokens, costUsd: cost },
      evidence: `request ids that usage has with other values, e.g. ${examples.sort().slice(0, EXAMPLES).join(', ')}; the size is that of the WAL's versions`,
      cause: 'rows of usage, or WAL files, were changed after they were written',
      next: 'obleth-ledger query, to compare the rows with the lines of the WAL: a replay leaves usage as it is',
    }))
}

const cost = ({ columns }: StagedWal) => (columns.includes('cost_usd') ? 'sum(cost_usd)' : 'toFloat64(0)')

interface Stretch {
  readonly pod: number
  readonly acknowledged: boolean
  readonly firstHour: number
  /** Requests of each hour. */
  readonly perHour: number[]
  tokens: number
  cost: number
  fromMs: number
  toMs: number
}

/** In order of pod and time, an entry for each hour. */
function joinPortions(rows: readonly MissingHour[]): Stretch[] {
  const hours = new Map<string, Stretch>()
  for (const row of rows) {
    const key = `${row.pod} ${row.acknowledged} ${row.hour}`
    const known = hours.get(key)
    const hour: Stretch = known ?? {
      ...{ pod: row.pod, acknowledged: row.acknowledged === 1, firstHour: Number(row.hour), perHour: [0] },
      ...{ tokens: 0, cost: 0, fromMs: Infinity, toMs: -Infinity },
    }
    hour.perHour[0] += Number(row.requests)
    hour.tokens += Number(row.tokens)
    hour.cost += row.cost
    hour.fromMs = Math.min(hour.fromMs, Number(row.from_ms))
    hour.toMs = Math.max(hour.toMs, Number(row.to_ms))
    hours.set(key, hour)
  }
  const order = (a: Stretch, b: Stretch) =>
    a.pod - b.pod || Number(a.acknowledged) - Number(b.acknowledged) || a.firstHour - b.firstHour
  return [...hours.values()].sort(order)
}

/** Joins hours of the same pod that follow one another. */
function stretches(hours: readonly Stretch[]): Stretch[] {
  const joined: Stretch[] = []
  for (const hour of hours) {
    const last = joined.at(-1)
    const follows =
      last !== undefined &&
      last.pod === hour.pod &&
      last.acknowledged === hour.acknowledged &&
      last.firstHour + last.perHour.length === hour.firstHour
    if (!follows) {
      joined.push(hour)
      continue
    }
    last.perHour.push(...hour.perHour)
    last.tokens += hour.tokens
    last.cost += hour.cost
    last.toMs = hour.toMs
  }
  return joined
}

function missingFinding(pods: readonly string[], stretch: Stretch): Finding {
  const { pod, acknowledged, firstHour, perHour, tokens, cost, fromMs, toMs } = stretch
  const from = new Date(firstHour * HOUR_MS).toISOString().replace(':00.000Z', 'Z')
  const listed = perHour.slice(0, MOST_HOURS).join(', ')
  const more = perHour.length > MOST_HOURS ? ` and ${perHour.length - MOST_HOURS} hours more` : ''
  const where = acknowledged ? 'before the checkpoint: the ledger had acknowledged them' : 'behind the checkpoint'
  return {
    kind: acknowledged ? 'acknowledged_missing' : 'missing',
    place: pods[pod - 1],
    window: { fromMs, toMs },
    requests: perHour.reduce((sum, n) => sum + n, 0),
    tokens,
    costUsd: cost,
    evidence: `records in WAL files that usage lacks, ${where}; requests hour by hour from ${from}: ${listed}${more}`,
    cause: acknowledged
      ? 'the ledger was lost, or rows of it, after it had taken these records'
      : 'the ledger was down or full when these requests came, and the pod has not inserted them since',
    next: 'obleth-ledger replay with the same sources',
  }
}
