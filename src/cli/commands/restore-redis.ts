import { restoreRedis } from '../../backup/redis/restore.js'
import { backupsOptions, redisRestoreOptions } from '../../config/parsed-backup.js'
import type { RedisRestorePlan } from '../../domain/redis.js'
import { toolVersion } from '../../pipeline/version.js'
import { renderJson } from '../../report/json.js'
import { renderRedisPlan, renderRedisRestored } from '../../report/redis.js'
import { createStyle } from '../../report/style.js'
import { mayRestore } from '../confirm.js'
import { EXIT } from '../exit-codes.js'
import type { Session } from '../session.js'

/** `obleth-ledger restore redis`: the newest complete backup where none is named. */
export async function runRestoreRedis(session: Session): Promise<number> {
  const { settings, words, asker, signal, stdout, colors } = session
  const { yes, json, quiet } = settings.values
  const how = redisRestoreOptions(settings)
  const confirm = (plan: RedisRestorePlan) => {
    const show = () => void asker?.output.write(renderRedisPlan(plan, createStyle(colors)))
    return mayRestore(plan.into, yes, asker, show, signal)
  }
  const outcome = await restoreRedis(backupsOptions(settings), words.backup || 'latest', how, confirm, signal)
  const { plan, restored, kept } = outcome
  const document = { command: 'restore redis', version: toolVersion(), status: 'ok', restored, kept, plan }
  if (json) stdout.write(renderJson(document))
  else if (how.dryRun) stdout.write(renderRedisPlan(plan, createStyle(colors)))
  else if (!quiet) stdout.write(renderRedisRestored(outcome, createStyle(colors)))
  return EXIT.done
}
