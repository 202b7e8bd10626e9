import { open } from 'node:fs/promises'
import type { BackupManifest } from '../../domain/backup.js'
import { LedgerError } from '../../domain/errors.js'
import { lastWords, run } from '../program.js'
import { plainName } from '../spool.js'
import type { Spooled } from '../store.js'
import { type AofFile, parseAofManifest } from './aof-manifest.js'
import { type ScannedAof, scanAof } from './aof-scan.js'
import { checkRdb, TOO_NEW } from './check-rdb.js'
import { AOF_FOLDER, AOF_MANIFEST, RDB_FILE } from './names.js'
import { readSmall } from './small-file.js'

/** Reads a backup as a server would load it, and says what is wrong with it. */
export async function checkRedis(spooled: Spooled, signal: AbortSignal): Promise<readonly string[]> {
  const findings: string[] = []
  const rdb = await checkRdb(spooled.file(RDB_FILE), signal)
  if ('damage' in rdb) findings.push(`${RDB_FILE}: ${rdb.damage}`)
  else {
    const { keys } = spooled.manifest.contents.facts
    if (typeof keys === 'number' && rdb.contents.keys !== null && rdb.contents.keys !== keys)
      findings.push(`${RDB_FILE} has ${rdb.contents.keys} keys, where the manifest says ${keys}`)
  }
  if (hasAof(spooled.manifest)) findings.push(...(await checkAof(spooled, signal)).findings)
  return findings
}

export const hasAof = (manifest: BackupManifest): boolean =>
  manifest.files.some((file) => plainName(file, manifest) === AOF_MANIFEST)

/** What a log is worth. */
export interface CheckedAof {
  readonly findings: readonly string[]
  /** What a server would load, in its order; empty where the manifest cannot be used. */
  readonly files: readonly AofFile[]
  /** The last file, where it is a log that is cut or damaged and all before it is sound. */
  readonly repairable: ScannedAof | null
}

/** Reads every file that the manifest of a log names. */
export async function checkAof(spooled: Spooled, signal: AbortSignal): Promise<CheckedAof> {
  const there = new Set(spooled.manifest.files.map((file) => plainName(file, spooled.manifest)))
  let files: readonly AofFile[]
  try {
    files = parseAofManifest(await readSmall(spooled.file(AOF_MANIFEST)), AOF_MANIFEST)
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error
    return { findings: [error.message], files: [], repairable: null }
  }
  const findings: string[] = []
  let repairable: ScannedAof | null = null
  for (const [n, { name }] of files.entries()) {
    const path = `${AOF_FOLDER}/${name}`
    if (!there.has(path)) {
      findings.push(`${path} is missing: the manifest of the AOF names it`)
      continue
    }
    const found = await checkAofFile(spooled.file(path), signal)
    if (found === null) continue
    const last = n === files.length - 1
    if (last && findings.length === 0 && typeof found !== 'string') repairable = found
    findings.push(`${path}: ${typeof found === 'string' ? found : worth(found, last)}`)
  }
  if (findings.length === 0) findings.push(...(await readByProgram(spooled.file(AOF_MANIFEST), signal)))
  return { findings, files, repairable }
}

/** redis-check-aof reads all files of a manifest; one that is older than their base cannot. */
async function readByProgram(manifest: string, signal: AbortSignal): Promise<readonly string[]> {
  const ran = await run('redis-check-aof', [manifest], { signal })
  if (ran.exitCode === 0 || `${ran.stdout}${ran.stderr}`.includes(TOO_NEW)) return []
  return [`${AOF_FOLDER}: redis-check-aof: ${lastWords(ran)}`]
}

/** A base may be a snapshot; everything else is a log of commands. */
async function checkAofFile(file: string, signal: AbortSignal): Promise<string | ScannedAof | null> {
  const handle = await open(file, 'r')
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(5), 0, 5, 0)
    if (buffer.toString('latin1', 0, bytesRead) === 'REDIS') {
      const checked = await checkRdb(file, signal)
      return 'damage' in checked ? checked.damage : null
    }
    const scanned = await scanAof(handle, (await handle.stat()).size)
    return scanned.state === 'whole' ? null : scanned
  } finally {
    await handle.close()
  }
}

/** What of a log can be loaded, and how. */
function worth({ bytes, wholeBytes, commands, state }: ScannedAof, last: boolean): string {
  const what = state === 'cut' ? 'it is cut within a command' : 'it is damaged'
  const good = `${what}; good up to byte ${wholeBytes} of ${bytes}, ${commands} commands`
  return last
    ? `${good}: \`restore redis --redis-from repaired-aof\` loads those and cuts off ${bytes - wholeBytes} bytes; the snapshot is not concerned`
    : good
}
