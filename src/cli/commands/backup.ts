import { backup } from '../../backup/index.js'
import { backupsOptions, toolAmong } from '../../config/parsed-backup.js'
import type { StoreName } from '../../domain/backup.js'
import { toolVersion } from '../../pipeline/version.js'
import { renderBackup } from '../../report/backups.js'
import { renderJson } from '../../report/json.js'
import { createStyle } from '../../report/style.js'
import { EXIT } from '../exit-codes.js'
import type { Session } from '../session.js'

/** `obleth-ledger backup postgres|redis|clickhouse`. */
export async function runBackup({ settings, signal, stdout, colors }: Session, store: StoreName): Promise<number> {
  if (store === 'clickhouse') toolAmong(settings, ['native', 'clickhouse-backup'])
  const options = backupsOptions(settings)
  const manifest = await backup(store, options, signal)
  const { json, quiet } = settings.values
  const document = {
    command: `backup ${store}`,
    version: toolVersion(),
    status: 'ok',
    place: options.place,
    ...manifest,
  }
  if (json) stdout.write(renderJson(document))
  else if (!quiet) stdout.write(renderBackup(manifest, options.place, createStyle(colors)))
  return EXIT.done
}
