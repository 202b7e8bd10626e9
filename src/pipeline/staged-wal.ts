import type { InputOptions } from '../domain/options.js'
import { DAY_MS } from '../domain/record.js'
import type { RunContext } from '../domain/run.js'
import type { UsageState } from '../ledger/inspect-target.js'
import type { Ledger } from '../ledger/ledger.js'
import type { StagedWal } from '../ledger/staged-wal.js'
import { Staging } from '../ledger/staging.js'
import type { Discovery } from '../sources/index.js'
import type { DecodeResult } from './decode-messages.js'
import { sourcesBinding } from './fingerprint.js'
import { discoverProven } from './proven-sources.js'
import { stage } from './stage.js'
import { newRunId, RunState } from './state.js'

/** WAL files that are to be compared with a ledger, not published to it. */
export class WalSources {
  private constructor(
    private readonly input: InputOptions,
    private readonly context: Pick<RunContext, 'emit' | 'signal'>,
    private readonly state: RunState,
    readonly discovery: Discovery,
  ) {}

  /** Finds the files, and hands them on. Throws `source_not_found`, or what `use` throws. */
  static async with<T>(
    command: 'audit' | 'bill',
    input: InputOptions,
    context: Pick<RunContext, 'emit' | 'signal'>,
    use: (sources: WalSources) => Promise<T>,
  ): Promise<T> {
    const discovery = await discoverProven(input, context.signal)
    const state = RunState.open(input.stateDir, [command, sourcesBinding(input)])
    try {
      return await use(new WalSources(input, context, state, discovery))
    } finally {
      state.close()
    }
  }

  /**
   * Stages them beside `usage`, as a replay does, and drops them again afterwards. What the ledger has dropped because of
   * its age is no loss, and is left out.
   */
  async staged<T>(
    ledger: Ledger,
    { ttl, columns: { present, missing } }: UsageState,
    { retentionDays, nowMs }: { readonly retentionDays: number; readonly nowMs: number },
    use: (wal: StagedWal, decoded: DecodeResult) => Promise<T>,
  ): Promise<T> {
    const { input, context, state, discovery } = this
    const staging = new Staging(ledger, newRunId(), context)
    try {
      const { decoded, partitions } = await stage({
        options: input,
        ...{ discovery, state, ledger, staging, missing },
        columns: present,
        dropBeforeMs: Math.max(nowMs - retentionDays * DAY_MS, ttl?.cutoffMs ?? 0),
        origins: originsOf(discovery),
        ahead: null,
        ...context,
      })
      return await use({ ledger, staging, partitions, columns: present, pods: discovery.pods }, decoded)
    } finally {
      await staging.drop()
    }
  }
}

/** The number of each file's pod, from 1, in the order of `discovery.pods`. */
function originsOf({ files, pods }: Discovery): Uint32Array {
  const numbers = new Map(pods.map((pod, i) => [pod, i + 1]))
  return Uint32Array.from(files, ({ pod }) => numbers.get(pod) ?? 0)
}
