import type { Found } from './source.js'

/** Pods that sources themselves know of, such as those that a cluster lists. */
export class KnownPods {
  /** Whether its WAL could be listed, by one source or another. */
  private readonly listed = new Map<string, boolean>()

  add(pods: NonNullable<Found['pods']>): void {
    for (const { pod, listed } of pods) this.listed.set(pod, listed || this.listed.get(pod) === true)
  }

  /** The pods of the files, with those that have none any more, and the ones of which nothing is known. */
  beside(ofFiles: readonly string[]): { pods: string[]; unseenPods: string[] } {
    const hasFiles = (pod: string) => ofFiles.some((name) => name === pod || name.startsWith(`${pod}/`))
    const names = (listed: boolean) => [...this.listed].flatMap(([pod, is]) => (is === listed ? [pod] : []))
    const drained = names(true).filter((pod) => !hasFiles(pod))
    return { pods: [...ofFiles, ...drained].sort(), unseenPods: names(false).filter((pod) => !hasFiles(pod)) }
  }
}
