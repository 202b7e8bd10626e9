import { link, mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { LedgerError } from '../../domain/errors.js'
import type { RenderedFile, WrittenFiles } from '../../domain/pitr.js'
import { printable } from '../../domain/printable.js'
import { writeError } from '../../domain/write-error.js'

/**
 * Writes rendered files into a folder, 0600; never over one that says something else.
 *
 * @throws LedgerError `refused` naming the first file that differs, before any is written; `disk_full`
 */
export async function writeRendered(files: readonly RenderedFile[], folder: string): Promise<WrittenFiles> {
  const states: WrittenFiles['files'][number]['state'][] = []
  for (const { name, text } of files) states.push(await stateOf(join(folder, name), text))
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error) => {
    throw writeError('the folder', printable(folder), error, 'name another folder with --into')
  })
  for (const [index, { name, text }] of files.entries())
    if (states[index] === 'written') await writeNew(join(folder, name), text)
  return { folder, files: files.map(({ name }, index) => ({ name, state: states[index] })) }
}

async function stateOf(path: string, text: string): Promise<'written' | 'unchanged'> {
  const there = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw differs(path)
  })
  if (there !== null && there !== text) throw differs(path)
  return there === null ? 'written' : 'unchanged'
}

const differs = (path: string) =>
  new LedgerError('refused', 'there is a file already that says something else', {
    place: printable(path),
    hint: 'compare it with what is printed without --into, then remove it or name another folder; nothing was written',
  })

async function writeNew(path: string, text: string): Promise<void> {
  const temporary = `${path}.obleth-ledger-${process.pid.toString(36)}`
  try {
    const handle = await open(temporary, 'w', 0o600)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    // Unlike a rename, a link never replaces a file.
    await link(temporary, path)
  } catch (error) {
    throw writeError('the configuration', printable(path), error, 'free some space, or name another folder with --into')
  } finally {
    await rm(temporary, { force: true })
  }
}
