import { z } from 'zod'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import { wholeFailure } from './pod-errors.js'
import type { PodTarget } from './pod-target.js'
import { isPodName, type KubernetesPods } from './pod-url.js'
import { answerOf } from './program-answer.js'

/** Where obleth's Helm chart has the WAL. */
const CHART_PATH = '/var/lib/obleth/telemetry.wal'
/** With it kubectl itself chooses among the containers of a pod; else it takes the first. */
const DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container'

const container = z.object({ name: z.string().refine(isPodName) })
const status = z.object({
  name: z.string(),
  state: z
    .object({
      running: z.unknown().optional(),
      waiting: z.object({ reason: z.string().optional() }).optional(),
      terminated: z.object({ reason: z.string().optional() }).optional(),
    })
    .optional(),
})

/** A Pod of the API's core/v1, as far as it is looked at. */
const podSchema = z.object({
  metadata: z.object({
    name: z.string().refine(isPodName),
    uid: z.string(),
    annotations: z.record(z.string(), z.string()).optional(),
    deletionTimestamp: z.string().optional(),
  }),
  spec: z.object({
    containers: z.array(container).min(1),
    initContainers: z.array(container).optional(),
    ephemeralContainers: z.array(container).optional(),
  }),
  status: z.object({
    phase: z.string().optional(),
    reason: z.string().optional(),
    containerStatuses: z.array(status).optional(),
    initContainerStatuses: z.array(status).optional(),
    ephemeralContainerStatuses: z.array(status).optional(),
  }),
})
const podList = z.object({ items: z.array(podSchema) })
type Pod = z.infer<typeof podSchema>

/**
 * The pods that a source names, through kubectl, so that whatever the user has for logging in serves here too. Throws
 * `source_not_found` where there are none, `access_denied`, `source_unreachable`, `source_failed`, and `config` where
 * there is no kubectl.
 */
export async function kubernetesPods(source: KubernetesPods, signal: AbortSignal | undefined): Promise<PodTarget[]> {
  const { namespace, pods, timeoutMs } = source
  const place = `k8s://${namespace}/${'name' in pods ? `pod/${pods.name}` : pods.selector}`
  const which = 'name' in pods ? `--field-selector=metadata.name=${pods.name}` : `--selector=${pods.selector}`
  const command = ['kubectl', 'get', 'pods', ...shared(source), which, '--output=json']
  const hint = `look with kubectl get pods --namespace=${namespace} --show-labels; one pod is written k8s://${namespace}/pod/name`
  const output = await answerOf({ command, place, timeoutMs }, (_, code) => code === 0, signal).catch((error) => {
    throw wholeFailure(error, place, 'kubectl', hint)
  })
  const items = parse(output, place)
  if (items.length > 0) return items.map((pod) => targetOf(pod, source))
  throw new LedgerError('source_not_found', 'there are no such pods', { place: printable(place), hint })
}

const shared = ({ namespace, context }: KubernetesPods): string[] => [
  `--namespace=${namespace}`,
  ...(context === undefined ? [] : [`--context=${context}`]),
]

function parse(output: Buffer, place: string): Pod[] {
  try {
    return podList.parse(JSON.parse(output.toString('utf8'))).items
  } catch (cause) {
    throw new LedgerError('source_failed', 'kubectl lists the pods in a way that is not understood', {
      place: printable(place),
      hint: 'look at kubectl get pods --output=json; copy the WAL of each pod into a folder, and name that',
      cause,
    })
  }
}

function targetOf({ metadata, spec, status }: Pod, source: KubernetesPods): PodTarget {
  const { name: pod, uid, annotations = {}, deletionTimestamp } = metadata
  const { namespace, timeoutMs } = source
  const containers = [spec.containers, spec.ephemeralContainers ?? [], spec.initContainers ?? []]
    .flat()
    .map(({ name }) => name)
  const named = source.container ?? annotations[DEFAULT_CONTAINER] ?? containers[0]
  const why = (reason: string) => ({ pod, reason })
  const { phase = 'Unknown', reason } = status
  if (phase === 'Pending')
    return why(
      `it is pending: where it never ran it holds nothing; kubectl describe pod --namespace=${namespace} ${pod} says why`,
    )
  if (phase === 'Succeeded' || phase === 'Failed')
    return why(
      `it has ended (${printable(reason ?? phase)}), so that nothing can be run in it: an emptyDir is lost with it, a volume claim can be mounted in another pod`,
    )
  if (!containers.includes(named))
    return why(`it has no container ${printable(named)}: name one of ${containers.join(', ')} with container=`)
  const state = [status.containerStatuses, status.ephemeralContainerStatuses, status.initContainerStatuses]
    .flatMap((list) => list ?? [])
    .find(({ name }) => name === named)?.state
  if (state !== undefined && state.running === undefined)
    return why(
      `its container ${named} is not running (${printable(state.waiting?.reason ?? state.terminated?.reason ?? 'unknown')}): its files outlive restarts, so ask again once it runs`,
    )
  const terminating = deletionTimestamp !== undefined
  return {
    pod,
    shell: {
      command: ['kubectl', 'exec', '-i', ...shared(source), pod, `--container=${named}`, '--'],
      place: `k8s://${namespace}/pod/${pod}`,
      timeoutMs,
    },
    paths: [source.path ?? '', CHART_PATH],
    identity: `k8s ${uid}`,
    root: `k8s://${namespace}`,
    namesFiles: true,
    running: terminating ? 'read from a pod that is being deleted' : 'read from a running pod',
    withoutShell:
      `kubectl debug --namespace=${namespace} ${pod} --image=busybox --target=${named} --container=reader -- sleep 3600 adds one that has, ` +
      `which then reads k8s://${namespace}/pod/${pod}?container=reader&path=/proc/1/root${source.path ?? CHART_PATH}; or stop the pod and copy its volume`,
  }
}
