import { benchOptions } from '../../config/parsed.js'
import { LedgerError } from '../../domain/errors.js'
import { renderBench } from '../../report/bench.js'
import { renderJson } from '../../report/json.js'
import { createStyle } from '../../report/style.js'
import { mayMeasure } from '../confirm.js'
import { EXIT } from '../exit-codes.js'
import type { Session } from '../session.js'

/** `obleth-ledger bench`: 3 where some of the sources could not be used. */
export async function runBench({ settings, printer, asker, signal, stdout, colors }: Session): Promise<number> {
  const { json, quiet, yes } = settings.values
  const options = benchOptions(settings)
  const { kind, target } = options
  if (kind === 'server' && !(await mayMeasure(target.url ?? '', yes, asker, signal)))
    throw new LedgerError('refused', 'not confirmed: nothing was done')
  const { bench } = await import('../../bench/index.js')
  const document = await bench(options, { emit: printer.emit, signal, confirm: async () => true })
  printer.close()
  if (json) stdout.write(renderJson(document))
  else if (!quiet) stdout.write(renderBench(document, createStyle(colors)))
  return document.status === 'ok' ? EXIT.done : EXIT.incomplete
}
