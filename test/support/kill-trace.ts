import type { Readable } from 'node:stream'

/** A rename as strace tells of it. */
export interface Rename {
  /** The call without its result: `rename("a", "b"`. */
  readonly text: string
  /** Id of the thread that makes it; null where the process has only one. */
  readonly thread: string | null
  /** About to be made, then made. */
  readonly made: boolean
}

/** `[pid 7] rename("a", "b") = 0`; strace writes up to the second path before the call, and the rest behind it. */
const CALL = /^(?:\[pid +(\d+)\] )?(rename\w*\([^"]*"[^"]*"[^"]*"[^"]*")([^"]*)$/
/** The end of a call of which the beginning stands further up, as another thread came between. */
const RESUMED = /^(?:\[pid +(\d+)\] )?<\.\.\. rename\w* resumed>(.*)$/
const DONE = /\)\s+= 0\b/

/** Tells of each rename twice: when strace has it before it is made, and when it was made. */
export function readRenames(stderr: Readable, tell: (rename: Rename) => void): void {
  const unfinished = new Map<string | null, string>()
  let rest = ''
  let told = false
  stderr.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.at(-1) ?? ''
    for (const [number, line] of lines.entries()) {
      const whole = number < lines.length - 1
      const [, thread = null, text, end = ''] = CALL.exec(line) ?? []
      const [, resumed = null, result = ''] = RESUMED.exec(line) ?? []
      if (text !== undefined && !told) tell({ text, thread, made: false })
      if (text !== undefined && end.includes('<unfinished')) unfinished.set(thread, text)
      if (whole && text !== undefined && DONE.test(end)) tell({ text, thread, made: true })
      if (whole && DONE.test(result)) tell({ text: unfinished.get(resumed) ?? '', thread: resumed, made: true })
      told = !whole && text !== undefined
    }
  })
}
