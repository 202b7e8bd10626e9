import { z } from 'zod'
import { LedgerError } from '../domain/errors.js'
import { wholeFailure } from './pod-errors.js'
import type { PodTarget } from './pod-target.js'
import type { Container, Engine, Volume } from './pod-url.js'
import { answerOf } from './program-answer.js'

/** Where obleth's Docker Compose file has the WAL. */
const COMPOSE_PATH = '/tmp/obleth-telemetry.wal'
/** Where a volume is mounted to be looked into. */
const MOUNT = '/volume'

/** What `docker container inspect` and `podman container inspect` print alike. */
const inspected = z.tuple([z.object({ Id: z.string(), Name: z.string(), State: z.object({ Status: z.string() }) })])

/** A container of Docker or Podman. Throws as `kubernetesPods`. */
export async function containerPod(source: Container, signal: AbortSignal | undefined): Promise<PodTarget[]> {
  const { engine, name, path, timeoutMs } = source
  const place = `${engine}://${name}`
  const output = await ask(engine, ['container', 'inspect', name], place, timeoutMs, signal)
  const { Name, State } = parse(output, engine, place)
  const pod = Name.replace(/^\//, '')
  const copied = `${engine} cp ${name}:${path ?? COMPOSE_PATH} (and the folder .segments beside it) copies its files: name the folder that holds them`
  if (State.Status !== 'running')
    return [{ pod, reason: `it is not running, so that nothing can be run in it: start it, or ${copied}` }]
  return [
    {
      pod,
      shell: { command: [engine, 'exec', '-i', name], place, timeoutMs },
      paths: [path ?? '', COMPOSE_PATH],
      identity: engine,
      root: `${engine}://`,
      namesFiles: true,
      running: 'read from a running container',
      withoutShell: copied,
    },
  ]
}

/** A volume of Docker or Podman, through a container that is made to look into it and removed behind it. Throws as above. */
export async function volumePods(source: Volume, signal: AbortSignal | undefined): Promise<PodTarget[]> {
  const { engine, name, path, timeoutMs, image } = source
  const place = `${engine}-volume://${name}`
  // To mount a volume that is not there would make it.
  await ask(engine, ['volume', 'inspect', name], place, timeoutMs, signal)
  const users = await ask(engine, ['ps', `--filter=volume=${name}`, '--format={{.Names}}'], place, timeoutMs, signal)
  const options = ['--rm', '-i', '--pull=never', '--network=none', '--entrypoint=', `--volume=${name}:${MOUNT}:ro`]
  return [
    {
      pod: name,
      shell: { command: [engine, 'run', ...options, image], place, timeoutMs },
      paths: [`${MOUNT}${path ?? ''}`, ''],
      identity: engine,
      root: place,
      namesFiles: false,
      running: users.toString().trim() === '' ? undefined : 'on a volume of a running container',
      withoutShell: 'name an image that has one with ?image=',
    },
  ]
}

function ask(
  engine: Engine,
  args: readonly string[],
  place: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const command = [engine, ...args]
  return answerOf({ command, place, timeoutMs }, (_, code) => code === 0, signal).catch((error) => {
    throw wholeFailure(error, place, engine, `${engine} ps -a and ${engine} volume ls say what there is`)
  })
}

function parse(output: Buffer, engine: Engine, place: string) {
  try {
    return inspected.parse(JSON.parse(output.toString('utf8')))[0]
  } catch (cause) {
    throw new LedgerError('source_failed', `${engine} describes the container in a way that is not understood`, {
      place,
      hint: `look at ${engine} container inspect; copy the WAL into a folder with ${engine} cp, and name that`,
      cause,
    })
  }
}
