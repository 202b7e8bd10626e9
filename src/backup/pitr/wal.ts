import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { LedgerError } from '../../domain/errors.js'
import { lastWords, type ProgramOptions, stream } from '../program.js'
import { microsecondsOf } from './instant.js'

/** A segment's name: timeline, upper half of the address, number within it; eight hex digits each. */
const SEGMENT = /^([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})$/
const FOUR_GIB = 2 ** 32
const hex = (n: number) => n.toString(16).toUpperCase().padStart(8, '0')

export const isSegmentName = (name: string): boolean => SEGMENT.test(name)

/** The segment before, on the same timeline; null for the first one. `bytes`: size of a segment. */
export function segmentBefore(name: string, bytes: number): string | null {
  const [, timeline, high, low] = SEGMENT.exec(name) ?? []
  const [upper, lower] = [Number.parseInt(high, 16), Number.parseInt(low, 16)]
  if (lower > 0) return timeline + high + hex(lower - 1)
  return upper === 0 ? null : timeline + hex(upper - 1) + hex(FOUR_GIB / bytes - 1)
}

/** The same segment on another timeline. */
export const onTimeline = (name: string, timeline: number): string => hex(timeline) + name.slice(8)

/** Whether a segment stands before another one in the log, whatever their timelines. */
export const isBefore = (one: string, other: string): boolean => one.slice(8) < other.slice(8)

/** As pg_waldump prints them: `desc: COMMIT 2026-11-30 02:01:40.660607 UTC; …`, also `COMMIT_PREPARED 726: …`. */
const COMMIT = /desc: COMMIT(?:_PREPARED [^:]*:)? (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d{1,6}) UTC\b/

/**
 * The latest commit in a segment of WAL, unix µs; null where there is none.
 *
 * @param file a segment under its own name, which pg_waldump needs
 * @param waldump the program, of the same major version as the server
 * @throws LedgerError `source_failed` where the file cannot be read as WAL
 */
export async function lastCommit(file: string, waldump: string, options: ProgramOptions): Promise<bigint | null> {
  // The times that it prints are those of its own zone.
  const settings = { ...options, env: { ...options.env, TZ: 'UTC' } }
  const running = stream(waldump, ['-r', 'Transaction', file], settings)
  let latest: bigint | null = null
  try {
    for await (const line of createInterface({ input: Readable.from(running.stdout) })) {
      const [, day, time] = COMMIT.exec(line) ?? []
      if (day === undefined) continue
      const us = microsecondsOf(`${day}T${time}Z`)
      if (latest === null || us > latest) latest = us
    }
    const ran = await running.ended()
    // A segment mostly ends within a record whose rest stands in the next one.
    if (ran.exitCode !== 0 && !/error in WAL record|could not find a valid record/.test(ran.stderr))
      throw new LedgerError('source_failed', `pg_waldump cannot read a segment of the archive: ${lastWords(ran)}`, {
        place: file.slice(file.lastIndexOf('/') + 1),
        hint: 'the archive may be damaged: prove it with pgbackrest verify, or with barman verify-backup',
      })
    return latest
  } finally {
    running.stop()
  }
}
