import { inputOptions } from '../../config/parsed.js'
import { LedgerError } from '../../domain/errors.js'
import { toolVersion } from '../../pipeline/version.js'
import { renderCollect, renderVerify } from '../../report/collect.js'
import { renderJson } from '../../report/json.js'
import { createStyle } from '../../report/style.js'
import { EXIT } from '../exit-codes.js'
import type { Session } from '../session.js'

/** `obleth-ledger collect`: 3 where something could not be copied whole; with `--verify` 4 where the bundle differs. */
export async function runCollect(session: Session): Promise<number> {
  const { values } = session.settings
  const { to } = values
  if (to === undefined)
    throw new LedgerError('usage', 'collect needs to know where to: give a folder with --to', {
      hint: 'for example: obleth-ledger collect ./pods --to ./bundle',
    })
  return values.verify ? verifyBundle(session, to) : collectInto(session, to)
}

async function collectInto({ settings, signal, stdout, colors }: Session, to: string): Promise<number> {
  const { sources, s3, concurrency } = inputOptions(settings)
  const { collect } = await import('../../collect/index.js')
  const outcome = await collect({ sources, s3, concurrency, to, signal })
  const whole = outcome.unreadable.length === 0
  const status = whole ? 'ok' : 'incomplete'
  const { json, quiet, verbose } = settings.values
  if (json) stdout.write(renderJson({ command: 'collect', version: toolVersion(), status, ...outcome }))
  else if (!quiet) stdout.write(renderCollect(outcome, verbose, createStyle(colors)))
  return whole ? EXIT.done : EXIT.incomplete
}

async function verifyBundle({ settings, signal, stdout, colors }: Session, to: string): Promise<number> {
  const { verify } = await import('../../collect/index.js')
  const outcome = await verify(to, signal)
  const proven = outcome.differences.length === 0
  const status = proven ? 'ok' : 'mismatch'
  const { json, quiet } = settings.values
  if (json) stdout.write(renderJson({ command: 'collect', version: toolVersion(), status, ...outcome }))
  else if (!quiet || !proven) stdout.write(renderVerify(outcome, createStyle(colors)))
  return proven ? EXIT.done : EXIT.mismatch
}
