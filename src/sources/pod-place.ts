import { printable } from '../domain/printable.js'
import type { PodFile } from '../domain/wal.js'
import { containerPod, volumePods } from './containers.js'
import { kubernetesPods } from './kubernetes.js'
import { displayPath } from './names.js'
import { PodFailure } from './pod-errors.js'
import { listingOf } from './pod-listing.js'
import { readPod } from './pod-read.js'
import { releaseReaders } from './pod-reader.js'
import { LIST } from './pod-scripts.js'
import type { PodTarget, ReachablePod } from './pod-target.js'
import { type PodSource, parsePodUrl } from './pod-url.js'
import { answerOf } from './program-answer.js'
import type { Found, Listed, Place, Search } from './source.js'

/** The last words of `LIST`: without them the listing was cut, or its shell told of a tool that it lacks. */
const END = Buffer.from('end\0\0')
const LACKS = /^lacks\0([a-z0-9]+)\0$/

/** Pods of a Kubernetes cluster, and containers and volumes of Docker and Podman, read by a shell that is run in them. */
export const podPlace: Place<PodFile> = {
  // Requests of so many files are under way, to all pods together.
  openedAhead: 16,

  async list(argument, search): Promise<Found> {
    const targets = await targetsOf(parsePodUrl(argument), search.signal)
    const outputs = await Promise.all(targets.map((target) => search.limit(() => lookInto(target, search.signal))))
    const listed: Listed[] = []
    const unreadable: { path: string; reason: string }[] = []
    const pods: { pod: string; listed: boolean }[] = []
    for (const [i, target] of targets.entries()) {
      const output = outputs[i]
      if (typeof output === 'string') unreadable.push({ path: target.pod, reason: output })
      else if ('shell' in target) listed.push(await listedFrom(output, target, search))
      // A volume may hold the WAL of many pods, called after their folders.
      if (typeof output === 'string' || ('shell' in target && target.namesFiles))
        pods.push({ pod: target.pod, listed: typeof output !== 'string' })
    }
    return { listed, unreadable, pods }
  },

  open: readPod,
  release: releaseReaders,
}

function targetsOf(source: PodSource, signal: AbortSignal | undefined): Promise<PodTarget[]> {
  if (source.kind === 'k8s') return kubernetesPods(source, signal)
  return source.kind === 'container' ? containerPod(source, signal) : volumePods(source, signal)
}

/** What `LIST` says of a pod; a text where it cannot be had: why, and what to do. Throws what is not about this pod alone. */
async function lookInto(target: PodTarget, signal: AbortSignal | undefined): Promise<Buffer | string> {
  if ('reason' in target) return target.reason
  const { shell, paths, withoutShell } = target
  const command = [...shell.command, 'sh', '-c', LIST, 'sh', ...paths]
  try {
    const whole = (output: Buffer) => output.subarray(-END.length).equals(END) || LACKS.test(output.toString('latin1'))
    const output = await answerOf({ ...shell, command }, whole, signal)
    const [, lacking] = output.length > END.length + 20 ? [] : (LACKS.exec(output.toString('latin1')) ?? [])
    return lacking === undefined ? output : `it has no program ${lacking}: ${withoutShell}`
  } catch (error) {
    if (!(error instanceof PodFailure)) throw error
    return error.kind === 'no_shell' ? `${error.reason}: ${withoutShell}` : error.reason
  }
}

async function listedFrom(output: Buffer, target: ReachablePod, search: Search): Promise<Listed> {
  const { pod, root, running, namesFiles } = target
  const listing = await listingOf(output, target, search)
  const { files, unreadable, repeated } = listing
  if (namesFiles && files.length === 0 && unreadable.length === 0 && repeated === 0) {
    const path = displayPath(output.subarray(output.indexOf(0) + 1, output.indexOf(0, output.indexOf(0) + 1)))
    const message = `nothing at ${printable(path)} in this pod: it has drained, or its WAL is elsewhere`
    listing.warnings.push({ class: 'drained', message, path: pod })
  }
  return { listing, root, fallbackPod: pod, running, passedOver: false }
}
