import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
// @ts-expect-error a plain script, without types
import { oblethSchema } from '../../../samples/obleth-schema.js'
import { seeded } from '../kill-run.js'
import { REPLAY_ARGS, SCENARIOS, type Scenario, writePods } from '../kill-scenarios.js'
import { batches, insertOf, ROLLUP_SQL, rollupOf } from '../records.js'
import { FAULTS, type Fault, startFaultProxy } from './fault-proxy.js'
import { ServerDir, type ServerRan } from './server-dir.js'

/**
 * What a disturbed replay may end with, besides its own end: it was killed, cut off before it had begun, or for longer than
 * it waits. It says so, and the same command goes on.
 */
const CUT_SHORT = new Set<number | null>([1, 13, null])
const MOST_ATTEMPTS = 12

/** Server, files and scenarios for many disturbed replays, one after the other. */
export class FaultGround {
  private readonly undisturbed = new Map<Scenario, unknown>()
  /** How often each fault was made, kills of the command and of the server among them. */
  readonly counts = new Map<Fault | 'command killed' | 'server killed', number>()

  private constructor(private readonly dir: ServerDir) {}

  static async make(): Promise<FaultGround> {
    return new FaultGround(await ServerDir.start())
  }

  remove(): Promise<void> {
    return this.dir.remove()
  }

  /**
   * Replays into a server through faults that the seed determines, with kills of the command and of the server among
   * them, again and again until it is done; the last time undisturbed. Then the ledger must be as without them.
   */
  async run(seed: number): Promise<void> {
    const random = seeded(seed)
    const scenario = SCENARIOS[Math.floor(random() * SCENARIOS.length)]
    const wanted = await this.undisturbedOf(scenario)
    const rate = 0.01 + random() * 0.04
    await this.fresh(scenario)
    let calm = false
    const proxy = await startFaultProxy(this.dir.server.url, () =>
      !calm && random() < rate ? FAULTS[Math.floor(random() * FAULTS.length)] : null,
    )
    const story: string[] = []
    let last: ServerRan | undefined
    try {
      for (let attempt = 0; attempt < MOST_ATTEMPTS && last?.code !== scenario.code; attempt++) {
        // Undisturbed in the end, at the same address: a run is bound to it.
        calm = attempt === MOST_ATTEMPTS - 1
        last = await this.attempt(proxy.url, calm ? 1 : random())
        const why = last.document.error?.message
        story.push(`${last.signal ?? last.code}${why === undefined ? '' : ` (${why.slice(0, 100)})`}`)
        if (last.code !== scenario.code) expect(CUT_SHORT, last.output).toContain(last.code)
      }
      expect(last?.code, last?.output).toBe(scenario.code)
      expect(await this.answer()).toEqual(wanted)
    } finally {
      for (const [fault, count] of proxy.counts) this.count(fault, count)
      const faults = [...proxy.counts].map(([fault, count]) => `${count} × ${fault}`).join(', ')
      process.stdout.write(`seed ${seed}, ${scenario.name}: ended ${story.join(', ')}; ${faults}\n`)
      await proxy.close()
    }
  }

  /** `chance`, 0 to 1: small ones kill the command or the server while it runs. */
  private async attempt(url: string, chance: number): Promise<ServerRan> {
    const afterMs = 300 + chance * 10_000
    const args = ['--yes', ...REPLAY_ARGS]
    if (chance < 0.2) {
      const ran = await this.dir.run(args, { url, killWhen: () => sleep(afterMs) })
      if (ran.signal !== null) this.count('command killed', 1)
      return ran
    }
    if (chance > 0.3) return await this.dir.run(args, { url })
    const running = this.dir.run(args, { url })
    await Promise.race([running, sleep(afterMs - 2000)])
    await this.dir.restart('SIGKILL')
    this.count('server killed', 1)
    return await running
  }

  private async undisturbedOf(scenario: Scenario): Promise<unknown> {
    const known = this.undisturbed.get(scenario)
    if (known !== undefined) return known
    await this.fresh(scenario)
    const ran = await this.dir.replay(...REPLAY_ARGS)
    expect(ran.code, ran.output).toBe(scenario.code)
    const answer = await this.answer()
    // Worked out from the records themselves: an undisturbed run that is wrong would prove nothing.
    const rows = String(scenario.usage.length)
    expect(answer).toMatchObject({ usage: { rows, ids: rows }, rollup: rollupOf(scenario.rollup), left: [] })
    this.undisturbed.set(scenario, answer)
    return answer
  }

  private async fresh({ inserted, rawLost }: Scenario): Promise<void> {
    const { dir } = this
    await dir.empty()
    writePods(dir.files)
    await dir.sql(...(oblethSchema() as string[]))
    if (inserted !== null) await dir.sql(...batches(inserted).map(insertOf))
    if (rawLost) await dir.sql('TRUNCATE TABLE obleth.usage')
  }

  /** Everything that must be the same, whatever befell the replay. */
  private async answer(): Promise<unknown> {
    const [[usage], sums, left] = await this.dir.sql(
      'SELECT count() AS rows, uniqExact(request_id) AS ids, sum(cityHash64(*)) AS hash FROM obleth.usage',
      ROLLUP_SQL,
      `SELECT name FROM system.tables WHERE database = 'obleth'
         AND (name = 'usage_replay_lock' OR match(name, '^usage_replay_r[0-9a-z]+'))`,
    )
    return { usage, rollup: Object.fromEntries(sums.map(({ key, sums: values }) => [key, values])), left }
  }

  private count(kind: Fault | 'command killed' | 'server killed', more: number): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + more)
  }
}
