import type { InputOptions } from '../domain/options.js'
import { FIELDS } from '../domain/record.js'
import type { InspectOutcome, RunContext } from '../domain/run.js'
import { DecodeThread } from './decode-thread.js'
import { inputDocument, stagedInputOf } from './document.js'
import { sourcesBinding } from './fingerprint.js'
import { discoverProven } from './proven-sources.js'
import { decodeProgress, decodeTask } from './stage.js'
import { RunState } from './state.js'

/**
 * Decodes and counts the sources without any ledger. Throws `source_not_found`, `interrupted`, `disk_full`.
 *
 * @param encode true: to make the blocks that a replay would send, as well; tenants are not counted then
 */
export async function inspect(
  options: InputOptions,
  { emit, signal }: RunContext,
  encode = false,
): Promise<InspectOutcome> {
  const started = performance.now()
  const discovery = await discoverProven(options, signal)
  const state = RunState.open(options.stateDir, ['inspect', sourcesBinding(options)])
  try {
    emit({ type: 'stage_started', stage: 'decode', message: `decoding ${discovery.files.length} files` })
    const columns = FIELDS.map(({ name }) => name)
    let task = decodeTask(options, discovery, state, columns, encode)
    const hooks = { block: async () => {}, progress: decodeProgress(discovery, emit) }
    const run = () => new DecodeThread().begin(task).run(hooks, signal)
    let decoded = await run()
    if (decoded.newConflictIds.length > 0) {
      task = { ...task, conflictIds: decoded.newConflictIds }
      decoded = await run()
    }
    const totalMs = performance.now() - started
    emit({ type: 'stage_finished', stage: 'decode', ms: totalMs, message: `${decoded.decoded} records decoded` })
    const input = stagedInputOf(discovery, decoded, [], 0)
    const document = inputDocument('inspect', '', input, state.quarantinePath, totalMs)
    return { document, podsTable: decoded.pods, tenants: decoded.tenants }
  } finally {
    state.close()
  }
}
