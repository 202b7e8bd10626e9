import type { BillFinding, BillPeriod, PodRequests } from '../domain/bill.js'
import { type StagedWal, walPortions } from '../ledger/staged-wal.js'
import { dayMs, dayOfStart } from './day-sql.js'
import { andOfTenants } from './of-tenants.js'

/** What WAL files say about the tenants of a bill. */
export interface WalSides {
  /** Billed requests of the period that each pod's WAL holds, by tenant, most first. */
  readonly pods: ReadonlyMap<string, readonly PodRequests[]>
  /** Days and tenants with requests that the WAL holds and the bill lacks. */
  readonly findings: readonly BillFinding[]
}

/** Looks which of the staged records the bill has, and which it lacks. A record that several pods hold counts for the first. */
export async function walSides(wal: StagedWal, period: BillPeriod, tenants: readonly string[]): Promise<WalSides> {
  const billed = new Map<string, Map<number, number>>()
  const lacking = new Map<string, number>()
  const within = `ts_ms >= ${period.fromMs} AND ts_ms < ${period.toMs}${andOfTenants(tenants)}`
  for await (const { usage, staged, origin } of walPortions(wal)) {
    const rows = await wal.ledger.rows<{ tenant: string; pod: number; start: string; known: number; n: string }>(
      `SELECT toString(tenant_id) AS tenant, pod, toString(start) AS start, known, count() AS n
       FROM (SELECT request_id, tenant_id, ${dayMs(period.days)} AS start,
               request_id IN (SELECT request_id FROM ${usage}) AS known
             FROM ${staged} AND ${within}) AS staged
       INNER JOIN (${origin}) AS origins USING (request_id) GROUP BY tenant_id, pod, start, known`,
    )
    for (const { tenant, pod, start, known, n } of rows) {
      if (known === 1) {
        const own = billed.get(tenant) ?? new Map<number, number>()
        own.set(pod, (own.get(pod) ?? 0) + Number(n))
        billed.set(tenant, own)
      } else {
        const key = `${tenant} ${start}`
        lacking.set(key, (lacking.get(key) ?? 0) + Number(n))
      }
    }
  }
  const dayOf = dayOfStart(period.days)
  return {
    pods: new Map([...billed].map(([tenant, own]) => [tenant, byPod(wal.pods, own)])),
    findings: [...lacking].map(([key, requests]) => {
      const [tenantId, start] = key.split(' ')
      return {
        kind: 'not_in_ledger' as const,
        day: dayOf.get(start) ?? '',
        tenantId,
        detail: `${requests} requests in WAL files are not in the ledger, nor on this bill: replay the files`,
        waiver: null,
      }
    }),
  }
}

function byPod(pods: readonly string[], requests: ReadonlyMap<number, number>): PodRequests[] {
  return [...requests]
    .map(([pod, n]) => ({ pod: pods[pod - 1], requests: n }))
    .sort((a, b) => b.requests - a.requests || (a.pod < b.pod ? -1 : 1))
}
