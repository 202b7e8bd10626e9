import { bundleOptions, collectOptions } from '../../config/parsed.js'
import { toolVersion } from '../../pipeline/version.js'
import { renderCollect, renderVerify } from '../../report/collect.js'
import { renderJson } from '../../report/json.js'
import { createStyle } from '../../report/style.js'
import { EXIT } from '../exit-codes.js'
import type { Session } from '../session.js'

/** `obleth-ledger collect`: 3 where something could not be copied whole; with `--verify` 4 where the bundle differs. */
export function runCollect(session: Session): Promise<number> {
  return session.settings.values.verify ? verifyBundle(session) : collectBundle(session)
}

async function collectBundle({ settings, printer, signal, stdout, colors }: Session): Promise<number> {
  const options = collectOptions(settings)
  const { collect } = await import('../../collect/index.js')
  const outcome = await collect(options, { emit: printer.emit, signal })
  const whole = outcome.unreadable.length === 0
  const status = whole ? 'ok' : 'incomplete'
  const { json, quiet, verbose } = settings.values
  printer.close()
  if (json) stdout.write(renderJson({ command: 'collect', version: toolVersion(), status, ...outcome }))
  else if (!quiet) stdout.write(renderCollect(outcome, verbose, createStyle(colors)))
  return whole ? EXIT.done : EXIT.incomplete
}

async function verifyBundle({ settings, signal, stdout, colors }: Session): Promise<number> {
  const options = bundleOptions(settings)
  const { verify } = await import('../../collect/index.js')
  const outcome = await verify(options.to, options, signal)
  const proven = outcome.differences.length === 0
  const status = proven ? 'ok' : 'mismatch'
  const { json, quiet } = settings.values
  if (json) stdout.write(renderJson({ command: 'collect', version: toolVersion(), status, ...outcome }))
  else if (!quiet || !proven) stdout.write(renderVerify(outcome, createStyle(colors)))
  return proven ? EXIT.done : EXIT.mismatch
}
