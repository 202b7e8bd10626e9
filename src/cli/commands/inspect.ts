import { inputOptions } from '../../config/parsed.js'
import { exitCodeOfDocument } from '../exit-codes.js'
import type { Session } from '../session.js'

/** `obleth-ledger inspect`: the exit code of its document. */
export async function runInspect({ settings, printer, signal }: Session): Promise<number> {
  const options = inputOptions(settings)
  const { inspect } = await import('../../pipeline/index.js')
  const outcome = await inspect(options, { emit: printer.emit, signal, confirm: async () => false })
  printer.inspect(outcome)
  return exitCodeOfDocument(outcome.document)
}
