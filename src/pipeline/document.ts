import { noLines, noRecords } from '../domain/counts.js'
import type { RunDocument } from '../domain/document.js'
import type { Warning } from '../domain/wal.js'
import type { StagedPartition } from '../ledger/staging.js'
import type { Discovery } from '../sources/index.js'
import type { DecodeResult } from './decode-messages.js'
import type { StagedInput } from './state.js'
import { toolVersion } from './version.js'

/** What a run knows of its input once it has been decoded. Times in ms. */
export function stagedInputOf(
  discovery: Discovery,
  decoded: DecodeResult,
  partitions: readonly StagedPartition[],
  stageMs: number,
): StagedInput {
  const { decoded: records, duplicates, conflicts, filteredOut, expired, repaired, salvaged } = decoded
  const growing = decoded.growing.map((pod) => ({ pod, reason: 'a file grew while it was read' }))
  return {
    pods: discovery.pods.length,
    files: discovery.files.length,
    bytes: decoded.bytes,
    unreadable: [...discovery.unreadable, ...decoded.unreadable],
    lines: { ...decoded.lines },
    records: { decoded: records, duplicates, conflicts, filteredOut: filteredOut + expired, repaired, salvaged },
    sent: decoded.sent,
    unusable: decoded.unusable,
    quarantineEntries: decoded.quarantineEntries,
    window:
      decoded.minTsMs === null || decoded.maxTsMs === null ? null : { fromMs: decoded.minTsMs, toMs: decoded.maxTsMs },
    unknownFields: [...decoded.unknownFields],
    warnings: [
      ...discovery.warnings,
      ...decoded.warnings,
      ...(expired === 0
        ? []
        : [{ class: 'expired', message: 'records older than the TTL of `usage` were left out', count: expired }]),
      ...(decoded.spilledRows === 0 ? [] : [spilled(decoded.spilledRows)]),
    ],
    live: [...discovery.live, ...growing.filter(({ pod }) => !discovery.live.some((known) => known.pod === pod))],
    partitions: partitions.map(({ partitionId, rows }) => ({ partitionId, rows })),
    readMs: decoded.readMs,
    decodeMs: decoded.decodeMs,
    orderMs: decoded.orderMs,
    stageMs,
  }
}

/** No fault; it tells why a run took longer, and what would make it quicker. */
function spilled(count: number): Warning {
  return {
    class: 'spilled',
    message: 'records went by way of the disk, as their ids did not fit into --memory: more of it makes this quicker',
    count,
  }
}

/** The document of a run as far as its input goes; a replay adds what became of it. `records.inserted` is still 0. */
export function inputDocument(
  command: RunDocument['command'],
  runId: string,
  input: StagedInput,
  quarantinePath: string,
  totalMs: number,
): RunDocument {
  const seconds = Math.max(totalMs, 1) / 1000
  const incomplete = input.unreadable.length > 0 || input.unusable > 0 || input.records.conflicts > 0
  return {
    command,
    version: toolVersion(),
    runId,
    status: incomplete ? 'incomplete' : 'ok',
    target: null,
    sources: { pods: input.pods, files: input.files, bytes: input.bytes, unreadable: input.unreadable },
    lines: { ...noLines(), ...input.lines },
    records: { ...noRecords(), ...input.records },
    window: input.window,
    unknownFields: input.unknownFields,
    warnings: input.warnings as RunDocument['warnings'],
    quarantine: input.quarantineEntries > 0 ? quarantinePath : null,
    rollup: 'unchecked',
    timings: {
      totalMs,
      readMs: input.readMs,
      decodeMs: input.decodeMs,
      orderMs: input.orderMs,
      stageMs: input.stageMs,
      publishMs: 0,
    },
    throughput: { recordsPerSecond: input.records.decoded / seconds, bytesPerSecond: input.bytes / seconds },
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  }
}
