/** What must be given back at the end, last taken first. */
export class Releasers {
  private readonly stack: (() => unknown)[] = []

  add(release: () => unknown): void {
    this.stack.push(release)
  }

  /** Releases everything, even where one fails; then throws the first failure. */
  async release(): Promise<void> {
    const failures: unknown[] = []
    for (let release = this.stack.pop(); release !== undefined; release = this.stack.pop()) {
      try {
        await release()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
}
