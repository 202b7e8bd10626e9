import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import type { Style } from './style.js'

/** An error as programs and people get it. `message` may have several lines. */
export interface Failure {
  readonly code: string
  readonly message: string
  readonly place: string | null
  readonly hint: string | null
}

/** What is told of an error: a LedgerError as it is, anything else as a fault of this tool. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof LedgerError) {
    return { code: error.code, message: error.message, place: error.place ?? null, hint: error.hint ?? null }
  }
  return {
    code: 'internal',
    message: `unexpected error: ${error instanceof Error ? error.message : String(error)}`,
    place: null,
    hint: 'this is a fault of obleth-ledger: run it again with --verbose and report what it prints',
  }
}

/** Lines for a terminal; the stack only where asked, and never of an error that is thrown on purpose. */
export function renderFailure(error: unknown, verbose: boolean, style: Style): string {
  const { message, place, hint } = describeFailure(error)
  const [first, ...more] = message.split('\n').map(printable)
  const lines = [
    `${style.bad('error')} ${first}`,
    ...more.map((line) => `      ${line}`),
    ...(place === null ? [] : [`   at ${printable(place)}`]),
    ...(hint === null ? [] : [`${style.bold(' hint')} ${printable(hint)}`]),
  ]
  if (verbose && error instanceof Error && !(error instanceof LedgerError)) {
    lines.push(...(error.stack ?? '').split('\n').map((line) => style.dim(printable(line))))
  }
  return `${lines.join('\n')}\n`
}
