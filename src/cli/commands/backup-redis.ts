import { enablePersistence } from '../../backup/redis/enable.js'
import { checkPersistence } from '../../backup/redis/persistence.js'
import { backupsOptions } from '../../config/parsed-backup.js'
import { LedgerError } from '../../domain/errors.js'
import { toolVersion } from '../../pipeline/version.js'
import { renderJson } from '../../report/json.js'
import { renderPersistence } from '../../report/redis.js'
import { createStyle } from '../../report/style.js'
import { EXIT } from '../exit-codes.js'
import type { Session } from '../session.js'
import { runBackup } from './backup.js'

/** `obleth-ledger backup redis`; with `--check` or `--enable` it looks at persistence instead: 4 where that does not hold. */
export async function runBackupRedis(session: Session): Promise<number> {
  const { settings, signal, stdout, colors } = session
  const { check, enable, json, quiet } = settings.values
  if (check && enable)
    throw new LedgerError('usage', '--check changes nothing, and --enable does', {
      hint: 'give one of them: --enable checks too once it is done',
    })
  if (!check && !enable) return runBackup(session, 'redis')
  const { redis } = backupsOptions(settings).stores
  const found = enable ? await enablePersistence(redis, signal) : await checkPersistence(redis)
  const holds = found.items.every((item) => item.holds)
  const status = holds ? 'ok' : 'mismatch'
  if (json) stdout.write(renderJson({ command: 'backup redis', version: toolVersion(), status, ...found }))
  else if (!quiet || !holds) stdout.write(renderPersistence(found, createStyle(colors)))
  return holds ? EXIT.done : EXIT.mismatch
}
