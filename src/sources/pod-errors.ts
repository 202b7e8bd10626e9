import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import type { Ended } from './program.js'

/** One pod cannot be read, whatever becomes of the others. */
export class PodFailure extends Error {
  constructor(
    readonly kind: 'gone' | 'not_running' | 'no_shell' | 'silent' | 'broken',
    /** For people. */
    readonly reason: string,
    /** True where asking again may help. */
    readonly retryable: boolean,
  ) {
    super(reason)
  }
}

const NODE = /error dialing backend|No agent available|upgrade request required/
const REFUSED =
  /\(Forbidden\)|is forbidden|\bForbidden\b|Unauthorized|must be logged in|getting credentials|permission denied while trying|(docker|podman)\S*\.sock\S* permission denied/i
const CONFIGURATION =
  /context .*(does not exist|was not found)|no context exists|error loading config|invalid configuration/i
const UNREACHABLE =
  /Unable to connect|connection to the server|Cannot connect to|failed to connect to the docker API|TLS handshake|no such host|i\/o timeout|connection refused|no route to host|network is unreachable|x509:|ServiceUnavailable|TooManyRequests|too many requests|etcdserver/i
const NO_IMAGE = /no such image|image not known/i
const GONE = /\(NotFound\)|no such (container|pod|volume)|no (container|volume) with/i
const NOT_RUNNING =
  /not running|container not found|completed pod|state improper|is (paused|restarting)|does not have a host assigned/i
const NO_SHELL = /executable file not found|exec: "sh"|no such file or directory.*OCI|OCI.*no such file or directory/is
const EXIT_NO_SHELL = [126, 127]

/**
 * Why a program could not do what was asked, from what it said: a LedgerError where it is not about one pod alone.
 * What kubectl and the engines say is matched by what they have said for years; the rest is shown as it stands.
 */
export function failureOf(ended: Ended, place: string, program: string): LedgerError | PodFailure {
  const { code, said } = ended
  const shown = shownOf(said)
  const details = (hint: string) => ({ place: printable(place), hint })
  if (NODE.test(said)) return new PodFailure('broken', `the node that it runs on does not answer: ${shown}`, true)
  if (REFUSED.test(said))
    return new LedgerError(
      'access_denied',
      `${program} is refused: ${shown}`,
      details(
        program === 'kubectl'
          ? 'log in again; listing pods takes the rights get and list on pods, reading them create on pods/exec (docs/pods.md)'
          : `let this user use ${program}, or run the command as one that may`,
      ),
    )
  if (NO_IMAGE.test(said))
    return new LedgerError(
      'config',
      'the image that volumes are looked into with is not on this machine',
      details(`fetch it first (${program} pull busybox), or name one that is there and has a shell with ?image=`),
    )
  if (CONFIGURATION.test(said))
    return new LedgerError(
      'config',
      `${program} does not accept its configuration: ${shown}`,
      details('check KUBECONFIG and context='),
    )
  if (UNREACHABLE.test(said)) return unreachable(shown, place, program)
  if (GONE.test(said)) return new PodFailure('gone', 'it is gone since it was listed', false)
  if (NOT_RUNNING.test(said)) return new PodFailure('not_running', 'it is not running any more', false)
  if (NO_SHELL.test(said) || (code !== null && EXIT_NO_SHELL.includes(code)))
    return new PodFailure('no_shell', 'it has no shell', false)
  return new PodFailure('broken', `it broke off${shown === '' ? '' : `: ${shown}`}`, true)
}

/** What asks about a source as a whole cannot be about one pod. `notFound`: what to do where there is nothing of that name. */
export function wholeFailure(error: unknown, place: string, program: string, notFound: string): unknown {
  if (!(error instanceof PodFailure)) return error
  if (error.kind === 'silent') return unreachable(error.reason, place, program)
  const details = { place: printable(place), cause: error }
  if (error.kind === 'gone')
    return new LedgerError('source_not_found', `${program} knows nothing of that name`, { ...details, hint: notFound })
  return new LedgerError('source_failed', `${program} fails: ${error.reason}`, { ...details, hint: works(program) })
}

function unreachable(shown: string, place: string, program: string): LedgerError {
  return new LedgerError('source_unreachable', `${program} cannot reach what it is to ask: ${shown}`, {
    place: printable(place),
    hint: works(program),
    retryable: true,
  })
}

const works = (program: string) =>
  `check that ${program} works by itself${program === 'kubectl' ? ' (kubectl get pods; KUBECONFIG and context)' : ''}, then run the same command again`

const MOST_SHOWN = 240
/** What credentials look like in messages: tokens, `name=secret`, `user:secret@`. */
const SECRETS = /eyJ[\w-]+\.[\w.-]*|\bBearer\s+\S+|\b\S*(token|password|secret|key)\S*\s*[=:]\s*\S+|:\/\/[^\s/@]+@/gi

const ERROR = /error|cannot|unable|denied|refused|failed|no such/i

/** The line of what a program said that tells the error, or the last one: short, without what may be a secret. */
function shownOf(said: string): string {
  const lines = said.trim().split('\n')
  const line = lines.findLast((text) => ERROR.test(text)) ?? lines.at(-1) ?? ''
  return printable(line.trim().replace(SECRETS, '***').slice(0, MOST_SHOWN))
}
