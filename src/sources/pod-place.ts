import { printable } from '../domain/printable.js'
import type { PodFile } from '../domain/wal.js'
import { displayPath } from './names.js'
import { PodFailure } from './pod-errors.js'
import { listingOf } from './pod-listing.js'
import { readPod } from './pod-read.js'
import { releaseReaders } from './pod-reader.js'
import { type Said, saidIn } from './pod-said.js'
import { LIST } from './pod-scripts.js'
import type { PodTarget, ReachablePod, UnreadablePod } from './pod-target.js'
import { type PodSource, parsePodUrl } from './pod-url.js'
import { answerOf } from './program-answer.js'
import type { Found, Listed, Place, Search } from './source.js'

/** The last words of `LIST`: without them what it says was cut. */
const END = Buffer.from('end\0\0')

interface LookedInto extends ReachablePod {
  /** The path that was asked for. */
  readonly named: Said
  /** What stands there. */
  readonly said: readonly Said[]
}

/** Pods of a Kubernetes cluster, and containers and volumes of Docker and Podman, read by a shell that is run in them. */
export const podPlace: Place<PodFile> = {
  // Requests of so many files are under way, to all pods together.
  openedAhead: 16,

  async list(argument, search): Promise<Found> {
    const targets = await targetsOf(parsePodUrl(argument), search.signal)
    const looked = await Promise.all(targets.map((target) => search.limit(() => lookInto(target, search.signal))))
    const listed: Listed[] = []
    const unreadable: { path: string; reason: string }[] = []
    const pods: { pod: string; listed: boolean }[] = []
    for (const one of looked)
      if ('reason' in one) {
        unreadable.push({ path: one.pod, reason: one.reason })
        pods.push({ pod: one.pod, listed: false })
      } else {
        listed.push(await listedFrom(one, search))
        // A volume may hold the WAL of many pods, called after their folders.
        if (one.namesFiles) pods.push({ pod: one.pod, listed: true })
      }
    return { listed, unreadable, pods }
  },

  open: readPod,
  release: releaseReaders,
}

/** What says which pods there are is loaded here alone: threads that only read do not need it. */
async function targetsOf(source: PodSource, signal: AbortSignal | undefined): Promise<PodTarget[]> {
  if (source.kind === 'k8s') return (await import('./kubernetes.js')).kubernetesPods(source, signal)
  const { containerPod, volumePods } = await import('./containers.js')
  return source.kind === 'container' ? containerPod(source, signal) : volumePods(source, signal)
}

/** Runs `LIST` in a pod. Throws what is not about this pod alone. */
async function lookInto(target: PodTarget, signal: AbortSignal | undefined): Promise<LookedInto | UnreadablePod> {
  if ('reason' in target) return target
  const { pod, shell, paths, withoutShell } = target
  const command = [...shell.command, 'sh', '-c', LIST, 'sh', ...paths]
  try {
    const output = await answerOf({ ...shell, command }, (text) => text.subarray(-END.length).equals(END), signal)
    const [named, ...said] = saidIn(output)
    if (named.word !== 'lacks') return { ...target, named, said }
    return { pod, reason: `it has no program ${printable(displayPath(named.path))}: ${withoutShell}` }
  } catch (error) {
    if (!(error instanceof PodFailure)) throw error
    return { pod, reason: error.kind === 'no_shell' ? `${error.reason}: ${withoutShell}` : error.reason }
  }
}

async function listedFrom({ named, said, ...target }: LookedInto, search: Search): Promise<Listed> {
  const { pod, root, running, namesFiles } = target
  const listing = await listingOf(named, said, target, search)
  const { files, unreadable, repeated } = listing
  if (namesFiles && files.length === 0 && unreadable.length === 0 && repeated === 0) {
    const message = `nothing at ${printable(displayPath(named.path))} in this pod: it has drained, or its WAL is elsewhere`
    listing.warnings.push({ class: 'drained', message, path: pod })
  }
  return { listing, root, fallbackPod: pod, running, passedOver: false }
}
