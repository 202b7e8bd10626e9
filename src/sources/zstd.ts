import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import { ReadFailure } from '../domain/read-failure.js'

type Zstd = ChildProcessByStdio<Writable, Readable, Readable>

/** As much of what the program says as is looked at. */
const MOST_SAID_BYTES = 4096
/** `unknown header`: fewer bytes than a frame's first four. */
const CUT = /premature end|unexpected end|unknown header/

/** Throws `config` where the program is missing; else does nothing. */
export async function assertZstd(): Promise<void> {
  const child = await start(['--version'])
  child.stdin.end()
  child.stdout.resume()
  await once(child, 'close')
}

/**
 * Decompresses, all frames one after another, through the program `zstd`, since Node 20 cannot: a process of its own for
 * each stream, whose memory the program bounds (128 MiB). What decompresses before a cut or damage is yielded, then
 * ReadFailure is thrown. Throws `config` where the program is missing.
 */
export async function* zstdStream(compressed: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const child = await start(['-dcq'])
  const exited = once(child, 'close')
  const said = beginningOf(child.stderr)
  const fed = feed(child.stdin, compressed)
  // Looked at once the output has ended.
  fed.catch(() => {})
  try {
    for await (const chunk of child.stdout) yield chunk
    // What cut the compressed bytes short is why the program found them cut.
    await fed
    const [code] = await exited
    if (code !== 0) throw failure(await said)
  } finally {
    child.kill('SIGKILL')
    await fed.catch(() => {})
    await exited
  }
}

async function start(options: readonly string[]): Promise<Zstd> {
  const child = spawn('zstd', options, { stdio: ['pipe', 'pipe', 'pipe'] })
  // It ends before its input does where that is damaged.
  child.stdin.on('error', () => {})
  try {
    await once(child, 'spawn')
    return child
  } catch (cause) {
    throw new LedgerError('config', 'files packed with zstd are read through the program zstd, which cannot be run', {
      place: 'zstd',
      hint: 'install it (Debian package zstd), or unpack these files first, then run the same command again',
      cause,
    })
  }
}

/** Writes piece after piece, each once the one before is taken: their maker may use the same memory for all. */
async function feed(stdin: Writable, compressed: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const piece of compressed) {
      if (stdin.destroyed) return
      await new Promise((resolve) => stdin.write(piece, resolve))
    }
  } finally {
    stdin.end()
  }
}

async function beginningOf(stderr: Readable): Promise<string> {
  let text = ''
  for await (const chunk of stderr) if (text.length < MOST_SAID_BYTES) text += String(chunk)
  return text.slice(0, MOST_SAID_BYTES)
}

function failure(said: string): ReadFailure {
  if (CUT.test(said)) return new ReadFailure({ kind: 'truncated_archive', reason: 'the zstd data end in the middle' })
  const reason = printable(said.trim().replace(/^(zstd: )?\/\*stdin\*\\ ?: /, '')) || 'zstd cannot read them'
  return new ReadFailure({ kind: 'corrupt_archive', reason: `damaged zstd data: ${reason}` })
}
