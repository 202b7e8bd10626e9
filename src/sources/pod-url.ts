import { LedgerError } from '../domain/errors.js'

/** What a source argument names that is read by commands run in it. */
export type PodSource = KubernetesPods | Container | Volume

interface Common {
  /** Absolute, within the pod; null: where the pod's own OBLETH_WAL_PATH says, or obleth's packaging. */
  readonly path: string | null
  /** Longest silence, ms. */
  readonly timeoutMs: number
}

export interface KubernetesPods extends Common {
  readonly kind: 'k8s'
  readonly namespace: string
  readonly pods: { readonly name: string } | { readonly selector: string }
  readonly container: string | undefined
  /** Of the kubeconfig; undefined for the current one. */
  readonly context: string | undefined
}

export type Engine = 'docker' | 'podman'

export interface Container extends Common {
  readonly kind: 'container'
  readonly engine: Engine
  readonly name: string
}

export interface Volume extends Common {
  readonly kind: 'volume'
  readonly engine: Engine
  readonly name: string
  /** With a shell: a container of it is started to look into the volume. */
  readonly image: string
}

const SCHEME = /^(k8s|docker|podman|docker-volume|podman-volume):\/\//i
const TIMEOUT_MS = 30_000
const UNIT_MS = { ms: 1, s: 1000, m: 60_000 }

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/
const POD = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/
/** Not what it means, which the cluster knows, but that it can be nothing else, such as an option. */
const SELECTOR = /^[A-Za-z0-9!][A-Za-z0-9 ._/,=!()-]*$/
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/
const IMAGE = /^[A-Za-z0-9][A-Za-z0-9._/:@-]*$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const TEXT = /^[^-\u0000-\u001f\u007f][^\u0000-\u001f\u007f]*$/

/** Whether a source argument names pods of a cluster, or a container or volume of this machine. */
export const isPodUrl = (argument: string): boolean => SCHEME.test(argument)

/** Whether this is a name that a pod, or a container in one, may have. */
export const isPodName = (text: string): boolean => POD.test(text)

/**
 * What a source argument names, every part of it checked, so that none can become an option of the program that is run.
 * Throws `usage`.
 */
export function parsePodUrl(argument: string): PodSource {
  const [, scheme = ''] = SCHEME.exec(argument) ?? []
  const rest = argument.slice(scheme.length + '://'.length)
  const mark = rest.indexOf('?')
  const [location, query] = mark < 0 ? [rest, ''] : [rest.slice(0, mark), rest.slice(mark + 1)]
  const slash = location.indexOf('/')
  const first = decoded(slash < 0 ? location : location.slice(0, slash))
  const behind = decoded(slash < 0 ? '' : location.slice(slash + 1))
  const kind = scheme.toLowerCase()
  if (kind === 'k8s') return kubernetes(first, behind, query)
  const engine: Engine = kind.startsWith('docker') ? 'docker' : 'podman'
  const name = checked(first, NAME, `the name behind ${kind}://`)
  const path = behind === '' ? null : checkedPath(`/${behind}`)
  if (!kind.endsWith('-volume')) {
    const { timeoutMs } = parameters(query, ['timeout'])
    return { kind: 'container', engine, name, path, timeoutMs }
  }
  const { timeoutMs, given } = parameters(query, ['timeout', 'image'])
  return {
    kind: 'volume',
    ...{ engine, name, path, timeoutMs },
    image: checked(given.get('image') ?? 'busybox', IMAGE, 'image='),
  }
}

function kubernetes(namespace: string, behind: string, query: string): KubernetesPods {
  const { timeoutMs, given } = parameters(query, ['timeout', 'container', 'path', 'context'])
  const [container, context, path] = ['container', 'context', 'path'].map((name) => given.get(name))
  const pod = /^pod\/([^/=,!() ]+)$/.exec(behind)?.[1]
  return {
    kind: 'k8s',
    namespace: checked(namespace, LABEL, 'the namespace'),
    pods:
      pod === undefined
        ? { selector: checked(behind, SELECTOR, 'the label selector') }
        : { name: checked(pod, POD, 'the name of the pod') },
    container: container === undefined ? undefined : checked(container, LABEL, 'container='),
    context: context === undefined ? undefined : checked(context, TEXT, 'context='),
    path: path === undefined ? null : checkedPath(path),
    timeoutMs,
  }
}

function parameters(query: string, known: readonly string[]): { timeoutMs: number; given: Map<string, string> } {
  const given = new Map<string, string>()
  for (const pair of query === '' ? [] : query.split('&')) {
    const equals = pair.indexOf('=')
    const name = equals < 0 ? '' : pair.slice(0, equals)
    if (!known.includes(name) || given.has(name))
      throw wrong(`behind the question mark stands something else than ${known.join('=, ')}=, each once`)
    given.set(name, decoded(pair.slice(equals + 1)))
  }
  return { timeoutMs: timeoutOf(given.get('timeout')), given }
}

function timeoutOf(text: string | undefined): number {
  if (text === undefined) return TIMEOUT_MS
  const [, number = '0', unit = 's'] = /^(\d{1,6})(ms|s|m)$/.exec(text) ?? []
  const ms = Number(number) * UNIT_MS[unit as keyof typeof UNIT_MS]
  if (ms === 0) throw wrong('timeout= is no time such as 30s or 2m')
  return ms
}

/** The root of a file system is no place of a WAL: it holds devices, and files without end. */
function checkedPath(path: string): string {
  if (!path.startsWith('/') || path.includes('\0') || /^[/.]*$/.test(path))
    throw wrong('the path is not an absolute one of a WAL or its folder')
  return path.replace(/\/+$/, '')
}

function checked(text: string, pattern: RegExp, what: string): string {
  if (!pattern.test(text)) throw wrong(`${what} is missing, or is none`)
  return text
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw wrong('a percent sign in it is not followed by two hexadecimal digits of UTF-8: write it as %25')
  }
}

/** The argument is not repeated: it may hold what was meant for another place. */
function wrong(what: string): LedgerError {
  return new LedgerError('usage', `a source that names pods, a container or a volume is not understood: ${what}`, {
    hint: 'write k8s://namespace/app=gateway?path=/var/lib/obleth/telemetry.wal, k8s://namespace/pod/name, docker://container/path or docker-volume://volume/path (podman alike)',
  })
}
