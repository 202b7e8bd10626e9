import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const STAND_IN = fileURLToPath(new URL('stand-in.js', import.meta.url))
/** All that the scripts may use in a pod. */
const TOOLS = ['sh', 'stat', 'head', 'dd', 'od', 'sha256sum']
export const WAL = '/var/lib/obleth/telemetry.wal'

/** What goes wrong with calls of a kind, counted from 0 in each pod: behind so many bytes of their output. */
export interface Fault {
  readonly on: 'list' | 'serve'
  readonly calls: 'all' | readonly number[]
  readonly kind: 'cut' | 'stall' | 'flip'
  readonly after: number
  /** On stderr, where a cut is told. */
  readonly says?: string
}

export interface Thing {
  readonly name: string
  readonly faults?: readonly Fault[]
  /** Path within. */
  readonly env?: Readonly<Record<string, string>>
  /** Which programs there are: all, all from busybox, all but sha256sum, or what `script` made. */
  readonly tools?: string
  /** What the program says, and its exit code. */
  readonly noShell?: readonly [string, number]
}

export interface PodThing extends Thing {
  readonly namespace?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly containers?: readonly string[]
  readonly phase?: string
  readonly reason?: string
  readonly state?: unknown
  readonly deleting?: boolean
  readonly gone?: boolean
}

interface World {
  pods: PodThing[]
  containers: (Thing & { readonly id: string; readonly status: string })[]
  volumes: (Thing & { readonly users: readonly string[] })[]
  context: string
  image: string
  /** What every call of a kind says, and its exit code, in place of doing anything. */
  fails: Readonly<Record<string, readonly [string, number]>>
  silent: readonly string[]
}

/** A cluster and its machine: kubectl, docker and podman on a PATH, and folders for what they lead to. */
export class Pods {
  readonly root = mkdtempSync(join(tmpdir(), 'pods-'))
  private readonly world: World = {
    ...{ pods: [], containers: [], volumes: [], fails: {}, silent: [] },
    ...{ context: 'backup', image: 'busybox' },
  }

  constructor() {
    for (const program of ['kubectl', 'docker', 'podman']) {
      const start = `#!/bin/sh\nexec '${process.execPath}' '${STAND_IN}' '${this.root}' ${program} "$@"\n`
      writeFileSync(join(this.root, program), start, { mode: 0o755 })
    }
    this.tools('tools', TOOLS)
    this.tools(
      'few',
      TOOLS.filter((tool) => tool !== 'sha256sum'),
    )
    if (noBusybox === null) this.busybox()
  }

  static start(): Pods {
    const pods = new Pods()
    onTestFinished(() => pods.remove())
    return pods
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true })
  }

  /** The environment in which the stand-ins are found first. */
  get env(): { PATH: string } {
    return { PATH: `${this.root}:${process.env.PATH}` }
  }

  /** The folder that is the file system of what has this name. */
  at(name: string, ...below: string[]): string {
    return join(this.root, 'things', name, ...below)
  }

  pod(thing: PodThing): void {
    const fallback = { namespace: 'obleth', labels: { app: 'gateway' }, containers: ['obleth'], phase: 'Running' }
    this.set({
      pods: [
        ...this.others('pods', thing),
        { ...fallback, uid: `uid of ${thing.name}`, ...this.made(thing) } as PodThing,
      ],
    })
  }

  container(thing: Thing & { readonly status?: string }): void {
    const made = { id: `${thing.name}`.padEnd(64, '0'), status: 'running', ...this.made(thing) }
    this.set({ containers: [...this.others('containers', thing), made] })
  }

  volume(thing: Thing & { readonly users?: readonly string[] }): void {
    this.set({ volumes: [...this.others('volumes', thing), { users: [], ...this.made(thing) }] })
  }

  /** Files by their paths in the file system of a pod. */
  write(name: string, files: Readonly<Record<string, string | Uint8Array>>): void {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(this.at(name, path)), { recursive: true })
      writeFileSync(this.at(name, path), content)
    }
  }

  get state(): Readonly<World> {
    return { ...this.world }
  }

  set(changes: Partial<World>): void {
    Object.assign(this.world, changes)
    writeFileSync(join(this.root, 'world.json'), JSON.stringify(this.world))
  }

  /** What has been called, script texts left out. */
  calls(kind?: 'ask' | 'list' | 'serve'): { program: string; kind: string; args: string[] }[] {
    const file = join(this.root, 'calls.jsonl')
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []
    return lines.map((line) => JSON.parse(line)).filter((call) => kind === undefined || call.kind === kind)
  }

  /** Tools of which one does something else after its work, or in place of it. */
  script(folder: string, tool: string, afterwards: string, work = `${whereIs(tool)} "$@"`): void {
    this.tools(
      folder,
      TOOLS.filter((name) => name !== tool),
    )
    const script = `#!/bin/sh\nPATH=/usr/bin:/bin\n${work}\n${afterwards}\n`
    writeFileSync(join(this.root, folder, tool), script, { mode: 0o755 })
  }

  private made<T extends Thing>(thing: T): T & { root: string } {
    mkdirSync(this.at(thing.name), { recursive: true })
    return { ...thing, root: this.at(thing.name) }
  }

  private others<K extends 'pods' | 'containers' | 'volumes'>(kind: K, { name }: Thing): World[K] {
    return (this.world[kind] as Thing[]).filter((other) => other.name !== name) as World[K]
  }

  private tools(folder: string, tools: readonly string[]): void {
    mkdirSync(join(this.root, folder))
    for (const tool of tools) symlinkSync(whereIs(tool), join(this.root, folder, tool))
  }

  private busybox(): void {
    mkdirSync(join(this.root, 'busybox'))
    for (const tool of TOOLS) symlinkSync(whereIs('busybox'), join(this.root, 'busybox', tool))
  }
}

const whereIs = (tool: string) => execFileSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).trim()

/** Why no pod with busybox alone can be tried here, or null. With CI=true that is an error. */
export const noBusybox: string | null = (() => {
  if (spawnSync('busybox', ['true']).status === 0) return null
  if (process.env.CI === 'true') throw new Error('busybox is missing: install it (Debian package busybox)')
  return 'busybox is missing: install it (Debian package busybox)'
})()
