import { targetOptions } from '../../config/parsed.js'
import { LedgerError } from '../../domain/errors.js'
import { toolVersion } from '../../pipeline/version.js'
import { renderJson } from '../../report/json.js'
import { createStyle } from '../../report/style.js'
import { renderTtl, renderTtlChange } from '../../report/ttl.js'
import { mayDrop } from '../confirm.js'
import { EXIT } from '../exit-codes.js'
import type { Session } from '../session.js'

/** `obleth-ledger ttl show`: when rows of `usage` go. */
export async function runTtlShow({ settings, stdout, colors }: Session): Promise<number> {
  const { json, quiet, 'retention-days': retentionDays } = settings.values
  const { ttlShow } = await import('../../pipeline/index.js')
  const outcome = await ttlShow(targetOptions(settings), retentionDays)
  if (json) stdout.write(renderJson({ command: 'ttl show', version: toolVersion(), status: 'ok', ...outcome }))
  else if (!quiet) stdout.write(renderTtl(outcome, createStyle(colors)))
  return EXIT.done
}

/** `obleth-ledger ttl set`: says what would go, asks, and changes it. */
export async function runTtlSet({ settings, asker, signal, stdout, colors }: Session): Promise<number> {
  const { json, quiet, yes, days, 'dry-run': dryRun, 'retention-days': retentionDays } = settings.values
  if (days === undefined)
    throw new LedgerError('usage', 'ttl set needs to know how long rows are kept', {
      hint: 'for example: obleth-ledger ttl set --days 90',
    })
  const target = targetOptions(settings)
  const { ttlSet } = await import('../../pipeline/index.js')
  const outcome = await ttlSet(target, days, retentionDays, Date.now(), async (found) => {
    if (dryRun) return false
    const show = () =>
      void asker?.output.write(renderTtlChange({ ...found, changed: false }, days, createStyle(colors)))
    return mayDrop(found.expiring.rows, target.url, yes, asker, show, signal)
  })
  const document = { command: 'ttl set', version: toolVersion(), status: 'ok', days, ...outcome }
  if (json) stdout.write(renderJson(document))
  else if (!quiet) stdout.write(renderTtlChange(outcome, days, createStyle(colors)))
  return EXIT.done
}
