import { lastWords, run } from '../program.js'
import { plainName } from '../spool.js'
import type { Spooled } from '../store.js'
import { DUMP, GLOBALS } from './dump.js'
import { dumpVersion, programsFor } from './programs.js'

/**
 * Reads a dump to its last byte, as a restore would: the table of contents alone stands at its beginning, and is whole in a
 * dump that was cut. Then compares that table with what was counted.
 */
export async function checkDump({ manifest, file }: Spooled, signal: AbortSignal): Promise<readonly string[]> {
  const there = manifest.files.map((file) => plainName(file, manifest))
  const missing = [DUMP, GLOBALS].filter((name) => !there.includes(name))
  if (missing.length > 0) return missing.map((name) => `the backup has no ${name}`)
  const { path } = await programsFor('restore', dumpVersion(manifest), signal)
  const read = await run(path('pg_restore'), ['-f', '/dev/null', file(DUMP)], { signal })
  if (read.exitCode !== 0) return [`pg_restore cannot read the dump: ${lastWords(read)}`]
  const list = await run(path('pg_restore'), ['-l', file(DUMP)], { signal })
  if (list.exitCode !== 0) return [`pg_restore cannot list the dump: ${lastWords(list)}`]
  const { facts } = manifest.contents
  const lines = list.stdout.split('\n')
  // Rows have no number in a catalog of their own: `3350; 0 16386 TABLE DATA public tenants owner`.
  const tables = lines.filter((line) => /^\d+; 0 \d+ TABLE DATA /.test(line)).length
  const objects = lines.some((line) => /^\d+; \d+ \d+ BLOB/.test(line))
  return [
    ...(tables === facts.dumpedTables
      ? []
      : [`the dump has the rows of ${tables} tables where there were ${facts.dumpedTables}`]),
    ...(facts.largeObjects === 0 || objects ? [] : [`the dump lacks the ${facts.largeObjects} large objects`]),
  ]
}
