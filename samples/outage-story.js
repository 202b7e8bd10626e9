/** @import { Generation, WrittenRecord } from '../src/bench/generator/index.js' */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  asWrittenBy,
  BAD_LINES,
  lineOf,
  makePopulation,
  makeRecord,
  Random,
  Tally,
  tornPrefix,
  WalFile,
  withNullCost,
} from '../dist/generator.js'
import { expectedResult, rowsPerLine } from './expected-result.js'

const TRAFFIC = {
  rejectedShare: 0.06,
  failedShare: 0.03,
  benchmarkShare: 0.04,
  healthProbeShare: 0.05,
  unicodeShare: 0.04,
  sessionBytes: 36,
}

/**
 * Writes the sample outage: what four pods still hold, the ledger that came back from a backup, and what a replay of
 * the one into the other must give. The story is told in outage/README.md.
 * @param {string} root
 */
export function writeOutage(root) {
  const story = new Story(join(root, 'pods'))
  const direct = story.requests(70, at(14, 18, 0), at(15, 0, 25), 'current')
  const acknowledged = [...legacyPod(story), ...restartedPod(story)]
  upgradedPods(story)
  const earlier = [...direct, ...acknowledged].sort((a, b) => a.record.ts_ms - b.record.ts_ms)

  mkdirSync(join(root, 'earlier-ledger'), { recursive: true })
  const rows = earlier.map(({ record }) => `${lineOf(record, 'current')}\n`)
  writeFileSync(join(root, 'earlier-ledger', 'usage.jsonl'), rows.join(''))
  const expected = expectedResult(
    story.tally,
    earlier.map(({ record }) => record),
    [...story.written.values()].map(({ record }) => record),
  )
  writeFileSync(join(root, 'expected.json'), rowsPerLine(expected))
}

/**
 * An old release with a legacy file: killed within a line, then cut off from power. Later a restart, and segments.
 * @param {Story} story @returns {WrittenRecord[]} what the ledger had acknowledged before the backup
 */
function legacyPod(story) {
  const pod = 'obleth-gateway-6d8f9c7b5-4kx2m'
  const acknowledged = story.requests(20, at(14, 20, 40), at(14, 21, 5), 'oldest')
  const legacy = story.open(pod, 'telemetry.wal')
  story.put(legacy, acknowledged)
  const checkpoint = legacy.bytes
  const [killed, first, ...more] = story.requests(14, at(14, 22, 10), at(14, 22, 30), 'oldest')
  legacy.recordBehind(tornPrefix(killed.line, 0.7), 'json_syntax', story.note(first))
  story.put(legacy, more)
  const [resumed, ...last] = story.requests(11, at(14, 23, 10), at(14, 23, 40), 'oldest')
  legacy.recordBehind(Buffer.alloc(512), 'nul_bytes', story.note(resumed))
  story.put(legacy, last)
  legacy.close(checkpoint)

  const older = story.openSegment(pod, at(15, 14, 6))
  story.put(older, story.requests(24, at(15, 14, 6), at(15, 14, 7), 'middle'))
  older.close()
  story.segment(pod, at(16, 6, 1), [story.requests(18, at(16, 6, 0), at(16, 6, 1), 'middle')])
  return acknowledged
}

/**
 * A segment across midnight whose second batch was committed without its checkpoint, one with a checkpoint from
 * nowhere, and one with a batch of copies.
 * @param {Story} story @returns {WrittenRecord[]} what the ledger had acknowledged before the backup
 */
function restartedPod(story) {
  const pod = 'obleth-gateway-6d8f9c7b5-9wq7t'
  const [before, after] = [
    [at(14, 23, 50), at(15, 0, 2)],
    [at(15, 0, 2), at(15, 0, 14)],
  ].map(([from, to]) => story.requests(20, from, to, 'middle'))
  const midnight = story.openSegment(pod, at(14, 23, 50))
  story.putBatch(midnight, before)
  const checkpoint = midnight.bytes
  story.putBatch(midnight, after)
  midnight.close(checkpoint)

  const spilled = [
    story.requests(25, at(15, 14, 5), at(15, 14, 6), 'middle'),
    story.requests(20, at(15, 14, 6), at(15, 14, 7), 'middle'),
  ]
  story.twice = spilled
  const segment = story.openSegment(pod, at(15, 14, 5))
  for (const batch of spilled) story.putBatch(segment, batch)
  segment.close(segment.bytes + 4096)
  story.segment(pod, at(16, 8, 12), [spilled[1], story.requests(24, at(16, 8, 10), at(16, 8, 12), 'middle')])
  return [...before, ...after]
}

/** The pods of the newest release. @param {Story} story */
function upgradedPods(story) {
  const full = 'obleth-gateway-74b6c9d4f8-c8zrn'
  const segment = story.openSegment(full, at(15, 14, 9))
  const kept = story.requests(30, at(15, 14, 8), at(15, 14, 9), 'newest')
  const [halved, mangled, absurd] = story.requests(3, at(15, 14, 8), at(15, 14, 9), 'newest')
  story.put(segment, kept.slice(0, 18))
  segment.rejected(tornPrefix(halved.line, 0.55), 'json_syntax')
  story.putBatch(segment, kept.slice(18))
  segment.close()
  const aside = story.open(full, `${segment.path.slice(full.length + 1)}.corrupt`)
  aside.rejected(badLine('invalid_utf8', mangled), 'invalid_utf8')
  aside.rejected(badLine('out_of_range', absurd), 'out_of_range')
  story.put(aside, kept.slice(0, 1))
  aside.close()
  const last = story.openSegment(full, at(16, 8, 58))
  const [torn, ...whole] = story.requests(25, at(16, 8, 57), at(16, 8, 58), 'newest')
  story.putBatch(last, whole)
  last.tornTail(tornPrefix(torn.line, 0.4))
  last.close()

  const healthy = 'obleth-gateway-74b6c9d4f8-hx5lp'
  // Acknowledged by the ledger that was lost, after the backup: its checkpoint says so, and it is needed all the same.
  const drained = story.openSegment(healthy, at(15, 13, 30))
  story.putBatch(drained, story.requests(22, at(15, 13, 29), at(15, 13, 30), 'newest'))
  drained.close(drained.bytes)
  const [unpriced, ...rest] = story.requests(30, at(16, 8, 40), at(16, 8, 42), 'newest')
  story.segment(healthy, at(16, 8, 42), [[withNullCost(unpriced), ...rest], story.twice[0]])
}

/** What was written so far, and how. */
class Story {
  tally = new Tally()
  /** Every record of the pods, once. @type {Map<string, WrittenRecord>} */
  written = new Map()
  /** Batches that stand in more than one place. @type {WrittenRecord[][]} */
  twice = []
  #random = new Random('outage')
  #population = makePopulation(this.#random, { tenants: 3, keysPerTenant: 2, models: 3, modelBytes: 0 })
  #root

  /** @param {string} root */
  constructor(root) {
    this.#root = root
  }

  /** @param {number} count @param {number} fromMs @param {number} toMs @param {Generation} generation @returns {WrittenRecord[]} in order of time */
  requests(count, fromMs, toMs, generation) {
    const times = Array.from({ length: count }, () => this.#random.between(fromMs, toMs - 1)).sort((a, b) => a - b)
    return times.map((tsMs) => {
      const record = asWrittenBy(makeRecord(this.#random, this.#population, TRAFFIC, tsMs), generation)
      return { record, generation, line: lineOf(record, generation) }
    })
  }

  /** @param {string} pod @param {string} name @returns {WalFile} */
  open(pod, name) {
    return new WalFile(this.#root, pod, name, this.tally)
  }

  /** @param {string} pod @param {number} createdMs @returns {WalFile} */
  openSegment(pod, createdMs) {
    const ns = String(this.#random.between(0, 999_999)).padStart(6, '0')
    const name = `${`${createdMs}${ns}`.padStart(20, '0')}-${this.#random.uuid()}.jsonl`
    return this.open(pod, `telemetry.wal.segments/${name}`)
  }

  /** A segment of whole batches. @param {string} pod @param {number} createdMs @param {WrittenRecord[][]} batches */
  segment(pod, createdMs, batches) {
    const file = this.openSegment(pod, createdMs)
    for (const batch of batches) this.putBatch(file, batch)
    file.close()
  }

  /** @param {WalFile} file @param {WrittenRecord[]} records */
  put(file, records) {
    for (const written of records) {
      const copy = this.written.has(written.record.request_id)
      file.record(this.note(written), copy)
    }
  }

  /** @param {WalFile} file @param {WrittenRecord[]} records */
  putBatch(file, records) {
    this.put(file, records)
    file.blank()
  }

  /** Remembers a record that the pods hold. @param {WrittenRecord} written @returns {WrittenRecord} */
  note(written) {
    this.written.set(written.record.request_id, written)
    return written
  }
}

/** @param {string} reason @param {WrittenRecord} written @returns {Buffer} */
function badLine(reason, written) {
  const bad = BAD_LINES.find((kind) => kind.reason === reason)
  if (bad === undefined) throw new Error(`no bad line of kind ${reason}`)
  return bad.of(written.line)
}

/** @param {number} day of May 2026 @param {number} hour @param {number} minute @returns {number} unix ms, UTC */
function at(day, hour, minute) {
  return Date.UTC(2026, 4, day, hour, minute)
}
