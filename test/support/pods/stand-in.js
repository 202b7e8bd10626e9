// Stands in for kubectl, docker and podman: the folders that `world.json` names are the file systems of pods, containers
// and volumes, and what is run in these is really run, by a shell that has no more programs than a pod would. Arguments
// must be exactly those that the real programs are known to take; each call is noted in `calls.jsonl`.
import { spawn } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const [folder, program, ...args] = process.argv.slice(2)
const world = JSON.parse(readFileSync(join(folder, 'world.json'), 'utf8'))
const calls = existsSync(join(folder, 'calls.jsonl')) ? readFileSync(join(folder, 'calls.jsonl'), 'utf8') : ''
const kindOfCall = args.some((arg) => arg.includes('say end')) ? 'list' : args.includes('-c') ? 'serve' : 'ask'
appendFileSync(join(folder, 'calls.jsonl'), `${JSON.stringify({ program, kind: kindOfCall, args: short(args) })}\n`)

function short(list) {
  const script = list.indexOf('-c') + 1
  return script === 0 ? list : list.map((arg, i) => (i === script ? 'SCRIPT' : arg))
}

function fail(text, code = 1) {
  process.stderr.write(`${text}\n`)
  process.exit(code)
}

function options(list, known) {
  const found = {}
  const rest = []
  for (const [i, arg] of list.entries()) {
    const match = /^--([a-z-]+)=(.*)$/s.exec(arg)
    if (arg === '--') return { found, rest, command: list.slice(i + 1) }
    if (match !== null && known.includes(match[1])) found[match[1]] = match[2]
    else if (arg.startsWith('-') && arg !== '-i' && arg !== '--rm') fail(`error: unknown flag: ${arg}`)
    else if (!arg.startsWith('-')) rest.push(arg)
  }
  return { found, rest, command: [] }
}

if (world.fails?.[kindOfCall] !== undefined) fail(...world.fails[kindOfCall])
if (world.silent?.includes(kindOfCall)) setInterval(() => {}, 1000)
else if (program === 'kubectl') kubectl()
else engine()

function kubectl() {
  if (args[0] === 'get' && args[1] === 'pods') return getPods(args.slice(2))
  if (args[0] !== 'exec' || args[1] !== '-i') fail(`error: unknown command ${JSON.stringify(args[0])} for "kubectl"`)
  const { found, rest, command } = options(args.slice(2), ['namespace', 'context', 'container'])
  context(found)
  const pod = world.pods.find(({ name, namespace }) => name === rest[0] && namespace === found.namespace)
  if (pod === undefined || pod.gone) fail(`Error from server (NotFound): pods "${rest[0]}" not found`)
  if (!pod.containers.includes(found.container))
    fail(`Error from server (BadRequest): container ${found.container} is not valid for pod ${pod.name}`)
  run(pod, command)
}

function context(found) {
  if (found.context !== undefined && found.context !== world.context)
    fail(`error: context "${found.context}" does not exist`)
}

function getPods(list) {
  const { found } = options(list, ['namespace', 'context', 'selector', 'field-selector', 'output'])
  context(found)
  if (found.output !== 'json' || found.namespace === undefined) fail('error: flags are missing')
  const wanted = Object.fromEntries(
    (found.selector ?? '')
      .split(',')
      .filter(Boolean)
      .map((pair) => pair.split('=')),
  )
  const field = /^metadata\.name=(.+)$/.exec(found['field-selector'] ?? '')?.[1]
  const items = world.pods
    .filter(({ namespace, name }) => namespace === found.namespace && (field ?? name) === name)
    .filter(({ labels = {} }) => Object.entries(wanted).every(([label, value]) => labels[label] === value))
    .map(({ name, uid, phase, reason, annotations, deleting, containers, state }) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, uid, annotations, ...(deleting ? { deletionTimestamp: '2026-03-10T21:40:00Z' } : {}) },
      spec: { containers: containers.map((container) => ({ name: container, image: 'obleth' })) },
      status: {
        phase,
        ...(reason === undefined ? {} : { reason }),
        containerStatuses: containers.map((container) => ({ name: container, state: state ?? { running: {} } })),
      },
    }))
  process.stdout.write(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
}

function engine() {
  const [what, then, ...rest] = args
  const unknown = (kind, name) =>
    program === 'docker'
      ? fail(`Error response from daemon: No such ${kind}: ${name}`)
      : fail(`Error: no ${kind} with name or ID "${name}" found: no such ${kind}`, 125)
  const thing = (kind, name) =>
    world[`${kind}s`]?.find((one) => one.name === name || one.id === name) ?? unknown(kind, name)
  if (what === 'container' && then === 'inspect') {
    const { id, name, status } = thing('container', rest[0])
    const slash = program === 'docker' ? '/' : ''
    return void process.stdout.write(JSON.stringify([{ Id: id, Name: `${slash}${name}`, State: { Status: status } }]))
  }
  if (what === 'volume' && then === 'inspect')
    return void process.stdout.write(JSON.stringify([{ Name: thing('volume', rest[0]).name }]))
  if (what === 'ps')
    return void process.stdout.write(
      thing('volume', then.replace('--filter=volume=', ''))
        .users.map((user) => `${user}\n`)
        .join(''),
    )
  if (what === 'exec' && then === '-i') {
    const container = thing('container', rest[0])
    if (container.status !== 'running') fail(`Error response from daemon: container ${container.id} is not running`)
    return run(container, rest.slice(1))
  }
  if (what !== 'run') fail(`unknown command: ${what}`, 125)
  const image = args.indexOf(world.image)
  if (image < 0) fail(`docker: Error response from daemon: No such image: ${args[args.indexOf('sh') - 1]}`, 125)
  const { found } = options(args.slice(1, image), ['pull', 'network', 'entrypoint', 'volume'])
  const [, name] = /^([^:]+):\/volume:ro$/.exec(found.volume) ?? []
  if (found.pull !== 'never' || found.network !== 'none' || found.entrypoint !== '') fail('flags are missing', 125)
  run(thing('volume', name), args.slice(image + 1))
}

/** Runs a command as in this pod: paths of its file system lead to its folder here. */
function run(pod, [shell, ...rest]) {
  if (shell !== 'sh' || rest[0] !== '-c') fail(`error: no such command: ${shell}`)
  if (pod.noShell !== undefined) fail(pod.noShell[0], pod.noShell[1])
  const [flag, script, zero, ...values] = rest
  const inPod = values.map((value) => (value === '' ? value : join(pod.root, value)))
  const env = Object.fromEntries(Object.entries(pod.env ?? {}).map(([name, value]) => [name, join(pod.root, value)]))
  const fault = nextFault(pod)
  const child = spawn(
    join(folder, pod.tools ?? 'tools', 'sh'),
    [flag, script, ...(zero === undefined ? [] : [zero]), ...inPod],
    {
      env: { PATH: join(folder, pod.tools ?? 'tools'), ...env },
      cwd: pod.root,
      stdio: ['inherit', fault === undefined ? 'inherit' : 'pipe', 'inherit'],
    },
  )
  child.on('exit', (code) => {
    if (fault === undefined) process.exitCode = code
  })
  if (fault === undefined) return
  let passed = 0
  child.stdout.on('data', (chunk) => {
    const room = Math.max(0, fault.after - passed)
    const hit = chunk.length > room
    passed += chunk.length
    if (!hit) return void process.stdout.write(chunk)
    if (fault.kind === 'flip') {
      if (room > 0 || passed - chunk.length <= fault.after) chunk[room] ^= 1
      fault.after = Number.POSITIVE_INFINITY
      return void process.stdout.write(chunk)
    }
    child.stdout.destroy()
    child.kill('SIGKILL')
    process.stdout.write(chunk.subarray(0, room), () => {
      if (fault.kind === 'stall') setInterval(() => {}, 1000)
      // As kubectl does where the connection is lost: at times it says so, at times it does not.
      else if (fault.says === undefined) process.exit(0)
      else fail(fault.says)
    })
  })
  child.stdout.on('end', () => process.exit(0))
}

/** The fault of this call, counted from 0 among those of its kind in this pod. */
function nextFault({ faults = [], name }) {
  const earlier = calls
    .split('\n')
    .filter((line) => line !== '' && JSON.parse(line).kind === kindOfCall)
    .filter((line) => JSON.parse(line).args.some((arg) => arg === name || arg.startsWith(`--volume=${name}:`))).length
  return faults.find(({ on, calls: which }) => on === kindOfCall && (which === 'all' || which.includes(earlier)))
}
