import type { RunDocument } from '../../src/domain/document.js'
import type { InspectOutcome, ReplayOutcome, ReplayPlan } from '../../src/domain/run.js'

/** A healthy run's document: 1,010 lines, 1,003 records, sums that add up. */
export function document(): RunDocument {
  return {
    command: 'replay',
    version: '0.1.0',
    runId: 'r1',
    status: 'ok',
    target: {
      kind: 'embedded',
      location: './obleth-ledger-data',
      database: 'obleth',
      table: 'usage',
      engine: 'MergeTree',
      version: '26.7.2',
    },
    sources: { pods: 4, files: 12, bytes: 600_000, unreadable: [] },
    lines: { read: 1010, blank: 7, quarantined: 1, tornTails: 1, withRecords: 1001 },
    records: {
      decoded: 1003,
      inserted: 900,
      duplicates: 90,
      conflicts: 0,
      alreadyInLedger: 10,
      filteredOut: 3,
      repaired: 2,
      salvaged: 4,
    },
    window: { fromMs: Date.UTC(2026, 2, 1), toMs: Date.UTC(2026, 2, 3, 1, 2, 3, 4) },
    unknownFields: [{ name: 'region', count: 17 }],
    warnings: [],
    quarantine: '.obleth-ledger/quarantine.jsonl',
    rollup: 'consistent',
    timings: { totalMs: 1500, readMs: 100, decodeMs: 700, orderMs: 100, stageMs: 500, publishMs: 200 },
    throughput: { recordsPerSecond: 668.7, bytesPerSecond: 400_000 },
    peakRssBytes: 300 * 2 ** 20,
  }
}

export function plan(): ReplayPlan {
  const { target } = document()
  if (target === null) throw new Error('the sample has a target')
  return {
    runId: 'r1',
    target,
    action: 'start',
    files: 12,
    bytes: 600_000,
    pods: 4,
    live: [],
    steps: ['read 12 files', 'stage', 'publish'],
    notes: ['the table has a TTL of 90 days'],
  }
}

export function replayOutcome(): ReplayOutcome {
  const tenantId = '0a1b2c3d-0000-4000-8000-00000000abcd'
  return {
    document: document(),
    days: [
      { day: '2026-03-01', tenantId, before: 5, inserted: 600, after: 605 },
      { day: '2026-03-02', tenantId, before: 0, inserted: 300, after: 300 },
    ],
    plan: plan(),
    nextSteps: ["obleth-ledger query 'SELECT count() FROM usage'"],
  }
}

export function inspectOutcome(): InspectOutcome {
  const records = { ...document().records, inserted: 0, alreadyInLedger: 0 }
  return {
    document: { ...document(), command: 'inspect', target: null, rollup: 'unchecked', records },
    podsTable: [
      { pod: 'pod-a', files: 3, bytes: 1024, records: 903, firstMs: 0, lastMs: Date.UTC(2026, 2, 1), damage: 0 },
      { pod: 'pod-b', files: 1, bytes: 10, records: 0, firstMs: null, lastMs: null, damage: 2 },
    ],
    tenants: [{ tenantId: '0a1b2c3d-0000-4000-8000-00000000abcd', records: 903 }],
  }
}
