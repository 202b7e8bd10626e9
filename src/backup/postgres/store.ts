import type { Secret } from '../../domain/options.js'
import { parsePostgresUrl } from '../../postgres/connection.js'
import type { Store } from '../store.js'
import { checkDump } from './check.js'
import { drillDump } from './drill.js'
import { backupPostgres } from './dump.js'

/** obleth's Postgres: nothing else brings its tenants, keys and settings back. */
export function postgresStore(url: Secret | undefined): Store {
  return {
    name: 'postgres',
    backup: async (writer) => backupPostgres(parsePostgresUrl(url), writer),
    check: checkDump,
    drill: drillDump,
  }
}
