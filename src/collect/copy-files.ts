import type { CollectOptions } from '../domain/options.js'
import { Pace } from '../domain/pace.js'
import type { RunContext } from '../domain/run.js'
import type { WalFile } from '../domain/wal.js'
import { readFiles } from '../sources/index.js'
import type { Bundle } from './bundle.js'
import { inFlight } from './in-flight.js'

/**
 * Copies files into the bundle, several at once; those of one archive one after another, in one pass over it. In memory
 * is a piece of each file under way, whatever the files hold. Returns those that could not be read to their ends.
 */
export async function copyFiles(
  files: readonly WalFile[],
  bundle: Bundle,
  mayGrow: (file: WalFile) => boolean,
  { concurrency, bytesPerSecond }: Pick<CollectOptions, 'concurrency' | 'bytesPerSecond'>,
  { emit, signal }: Pick<RunContext, 'emit' | 'signal'>,
): Promise<{ path: string; reason: string }[]> {
  const started = performance.now()
  const incomplete: { path: string; reason: string }[] = []
  const totalBytes = files.every(({ bytes }) => bytes !== null)
    ? files.reduce((sum, file) => sum + (file.bytes ?? 0), 0)
    : null
  let doneBytes = 0
  emit({ type: 'stage_started', stage: 'collect', message: `copying ${files.length} files` })
  const pace = new Pace(bytesPerSecond, signal)
  const tasks = inOnePass(files).map((group) => async (signal: AbortSignal) => {
    for await (const open of readFiles(group, signal)) {
      const { path, state, reason, bytes } = await bundle.add(open, mayGrow(open.file), pace)
      if (state === 'incomplete') incomplete.push({ path, reason: reason ?? 'not read to its end' })
      doneBytes += bytes
      emit({ type: 'progress', stage: 'collect', doneBytes, totalBytes, records: null })
    }
  })
  await inFlight(tasks, concurrency, signal)
  const ms = performance.now() - started
  emit({
    type: 'stage_finished',
    stage: 'collect',
    ms,
    message: `${files.length} files read, ${bundle.written} written`,
  })
  return incomplete.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/**
 * Files that are read in one pass: the members of an archive, in its order; those of a pod, through its one shell, asked for
 * ahead of one another; any other file by itself.
 */
function inOnePass(files: readonly WalFile[]): WalFile[][] {
  const groups = new Map<unknown, WalFile[]>()
  for (const file of files) {
    const { stored, members } = file.locator
    const source = members.length > 0 ? stored : stored.via === 'pod' ? stored.shell.place : file
    const group = groups.get(source)
    if (group === undefined) groups.set(source, [file])
    else group.push(file)
  }
  return [...groups.values()]
}
