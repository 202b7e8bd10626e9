import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import type { Ended } from './program.js'

/** One pod cannot be read, whatever becomes of the others. */
export class PodFailure extends Error {
  constructor(
    readonly kind: 'gone' | 'not_running' | 'no_shell' | 'broken',
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
  return new PodFailure('broken', `the stream broke off${shown === '' ? '' : `: ${shown}`}`, true)
}

/** What asks about a source as a whole cannot be about one pod. `notFound`: what to do where there is nothing of that name. */
export function wholeFailure(error: unknown, place: string, program: string, notFound: string): unknown {
  if (!(error instanceof PodFailure)) return error
  if (error.kind !== 'gone') return unreachable(error.reason, place, program)
  return new LedgerError('source_not_found', `${program} knows nothing of that name`, {
    place: printable(place),
    hint: notFound,
  })
}

function unreachable(shown: string, place: string, program: string): LedgerError {
  return new LedgerError('source_unreachable', `${program} cannot reach what it is to ask: ${shown}`, {
    place: printable(place),
    hint: `check that ${program} works by itself${program === 'kubectl' ? ' (kubectl get pods; KUBECONFIG and context)' : ''}, then run the same command again`,
    retryable: true,
  })
}

const MOST_SHOWN = 240
/** What credentials look like in messages: tokens, `name=secret`, `user:secret@`. */
const SECRETS = /eyJ[\w-]+\.[\w.-]*|\bBearer\s+\S+|\b\S*(token|password|secret|key)\S*\s*[=:]\s*\S+|:\/\/[^\s/@]+@/gi

/** The last line of what a program said, short, without what may be a secret. */
function shownOf(said: string): string {
  const last =
    said
      .trim()
      .split('\n')
      .findLast((line) => line.trim() !== '') ?? ''
  return printable(last.trim().replace(SECRETS, '***').slice(0, MOST_SHOWN))
}
