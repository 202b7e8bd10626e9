import type { ClickhouseBackupProgram } from '../../../domain/backup.js'
import { LedgerError } from '../../../domain/errors.js'
import { strangeAnswer } from './failure.js'
import { answeredList } from './listed.js'
import { awaitOperation } from './operation.js'
import type { Program } from './program.js'
import { RestCalls } from './rest-calls.js'

/**
 * clickhouse-backup by its REST API (`clickhouse-backup server`, port 7171), as pkg/server/server.go of 2.8 has it. What
 * takes long is acknowledged with an id and asked about until it has ended. A flag counts where it is there, whatever it
 * says: so one that shall not be in force is not sent.
 */
export function restApi(options: ClickhouseBackupProgram & { readonly url: string }): Program {
  const calls = new RestCalls(options)
  const begin = async (step: string, path: string, query: Readonly<Record<string, string>>, signal: AbortSignal) => {
    const deadline = performance.now() + options.stepMs
    const [{ status, operation_id: id } = {}] = await calls.post(step, path, query, deadline, signal)
    if (status !== 'acknowledged' || typeof id !== 'string')
      throw strangeAnswer(step, 'it was not acknowledged with an id', calls.place)
    await awaitOperation(calls, step, id, deadline, signal)
  }
  return {
    place: calls.place,
    async version(signal) {
      const [{ version } = {}] = await calls.get('version', 'version', {}, signal)
      return typeof version === 'string' ? version.slice(0, 40) : 'unknown'
    },
    create: (name, database, signal) => begin('create', 'create', { name, table: `${database}.*` }, signal),
    upload: (name, signal) => begin('upload', `upload/${name}`, {}, signal),
    download: (name, signal) => begin('download', `download/${name}`, {}, signal),
    restore: (name, { part, from, into }, signal) =>
      begin('restore', `restore/${name}`, { [part]: 'true', restore_database_mapping: `${from}:${into}` }, signal),
    async list(where, signal) {
      const read = answeredList.safeParse(await calls.get('list', `list/${where}`, {}, signal))
      if (!read.success) throw strangeAnswer('list', 'it is not a list of backups', calls.place)
      return read.data
    },
    async delete(where, name, signal) {
      const deadline = performance.now() + options.stepMs
      const [{ status } = {}] = await calls.post('delete', `delete/${where}/${name}`, {}, deadline, signal)
      if (status !== 'success')
        throw new LedgerError('target_failed', 'clickhouse-backup did not delete it', { place: calls.place })
    },
  }
}
