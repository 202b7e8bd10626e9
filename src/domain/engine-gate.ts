import { setTimeout as sleep } from 'node:timers/promises'

/**
 * What the engine in this process is doing. Its own clean-up at the end of a process crashes or waits for ever where a
 * statement is cut off in the middle, so whoever ends the process in a hurry must bring the engine to rest first.
 */
class EngineGate {
  private readonly statements = new Set<Promise<unknown>>()
  private shut = false
  private close: (() => Promise<void>) | null = null

  /** To be called when the engine is open; `close` closes it. */
  opened(close: () => Promise<void>): void {
    this.close = close
  }

  /** Runs a statement. One that comes when the gate is shut never begins and never ends: the process is about to. */
  async run<Answer>(statement: () => Promise<Answer>): Promise<Answer> {
    if (this.shut) return await new Promise<never>(() => {})
    const running = statement()
    this.statements.add(running)
    try {
      return await running
    } finally {
      this.statements.delete(running)
    }
  }

  /** Lets nothing in any more, waits for what is running, and closes the engine. False where that takes longer than `ms`. */
  async bringToRest(ms: number): Promise<boolean> {
    this.shut = true
    const rest = Promise.allSettled(this.statements)
      .then(() => this.close?.())
      .then(
        () => true,
        () => true,
      )
    return await Promise.race([rest, sleep(ms, false)])
  }
}

export const engineGate = new EngineGate()
