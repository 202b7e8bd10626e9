import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'

/** Thrown where a program said nothing for too long; it has been killed. */
export class Silence extends Error {
  constructor(readonly afterMs: number) {
    super(`nothing came for ${afterMs / 1000} s`)
  }
}

/** How a program ended. `code` is null where a signal ended it. */
export interface Ended {
  readonly code: number | null
  /** Beginning of what it wrote to stderr: not yet fit to be shown. */
  readonly said: string
}

/** As much of what a program says of its failure as is looked at. */
const MOST_SAID_BYTES = 8192

type Execa = typeof import('execa').execa
type Child = ReturnType<typeof spawn>

/** A program on this machine while it runs, with the environment of this process: kubectl finds its configuration by it. */
export class Program {
  private said = ''

  private constructor(
    private readonly child: Child,
    private readonly timeoutMs: number,
  ) {
    child.stderr.on('data', (chunk: Buffer) => {
      if (this.said.length < MOST_SAID_BYTES) this.said += chunk.toString('latin1')
    })
    // It may end before it has read everything; its end tells why.
    child.stdin.on('error', () => {})
  }

  /** @throws LedgerError `config` where there is no such program */
  static async start(command: readonly string[], timeoutMs: number): Promise<Program> {
    // Here alone, so that runs that need no program do not load it.
    const { execa } = await import('execa')
    const child = spawn(execa, command)
    const program = new Program(child, timeoutMs)
    if (child.pid !== undefined) return program
    const { code = 'unknown' } = await child
    throw new LedgerError('config', `the program ${command[0]} cannot be run (${printable(code)})`, {
      place: command[0],
      hint: `install ${command[0]}, or put it on the PATH, then run the same command again`,
    })
  }

  write(text: string): void {
    this.child.stdin.write(text)
  }

  endInput(): void {
    this.child.stdin.end()
  }

  /** What it writes to stdout, to its end. Throws Silence where it writes nothing while more is waited for. */
  async *output(): AsyncIterable<Uint8Array> {
    const pieces = this.child.stdout[Symbol.asyncIterator]()
    let silent = false
    for (;;) {
      const timer = setTimeout(() => {
        silent = true
        this.kill()
      }, this.timeoutMs)
      // Killed in the middle: the stream ends as if it had been cut.
      const piece = await pieces.next().catch(() => null)
      clearTimeout(timer)
      if (silent) throw new Silence(this.timeoutMs)
      if (piece === null || piece.done === true) return
      yield piece.value as Uint8Array
    }
  }

  /** How it ended; it is killed where it does not end soon after its output did. */
  async ended(): Promise<Ended> {
    const timer = setTimeout(() => this.kill(), this.timeoutMs)
    const { exitCode = null } = await this.child
    clearTimeout(timer)
    return { code: exitCode, said: Buffer.from(this.said, 'latin1').toString('utf8') }
  }

  kill(): void {
    this.child.kill('SIGKILL')
    this.child.stdout.destroy()
    this.child.stderr.destroy()
  }
}

function spawn(execa: Execa, [program, ...args]: readonly string[]) {
  const piped = { stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' } as const
  return execa(program, args, { ...piped, buffer: false, reject: false, encoding: 'buffer' })
}

/** Runs a program that is told nothing, to its end. Throws Silence, and LedgerErrors `config` and `source_failed`. */
export async function runToEnd(
  command: readonly string[],
  timeoutMs: number,
  mostBytes: number,
  signal: AbortSignal | undefined,
): Promise<Ended & { readonly output: Buffer }> {
  signal?.throwIfAborted()
  const program = await Program.start(command, timeoutMs)
  const stop = () => program.kill()
  signal?.addEventListener('abort', stop)
  try {
    program.endInput()
    const parts: Uint8Array[] = []
    let bytes = 0
    for await (const piece of program.output()) {
      parts.push(piece)
      bytes += piece.length
      if (bytes > mostBytes)
        throw new LedgerError('source_failed', `${command[0]} answers with more than ${mostBytes} bytes`, {
          place: command[0],
          hint: 'name fewer pods, or a folder with fewer files, in each source',
        })
    }
    const ended = await program.ended()
    signal?.throwIfAborted()
    return { ...ended, output: Buffer.concat(parts) }
  } finally {
    signal?.removeEventListener('abort', stop)
    program.kill()
  }
}
