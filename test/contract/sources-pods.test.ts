import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { discover } from '../../src/sources/index.js'
import { Pods, type PodThing, WAL } from '../support/pods/index.js'
import { AWS, contents, segmentName, tempFolder, write } from '../support/wal-tree.js'

const SEGMENTS = `${WAL}.segments`
const at = (n: number) => `${SEGMENTS}/${segmentName(Date.UTC(2025, 5, 15, 12) + n)}`

function start(...things: PodThing[]): Pods {
  const pods = Pods.start()
  vi.stubEnv('PATH', pods.env.PATH)
  for (const thing of things) {
    pods.pod(thing)
    pods.write(thing.name, { [at(0)]: `${thing.name}\n` })
  }
  return pods
}
afterEach(() => vi.unstubAllEnvs())

const findIn = (...sources: string[]) => discover(sources, { concurrency: 4, s3: AWS })
const reasons = (found: { unreadable: { path: string; reason: string }[] }) =>
  Object.fromEntries(found.unreadable.map(({ path, reason }) => [path, reason]))

describe('pods of a cluster', () => {
  it('are listed by one call, looked into by one each and read by one each, and are called after themselves', async () => {
    const pods = start({ name: 'router-0' }, { name: 'router-1' })
    pods.pod({ name: 'postgres-0', labels: { app: 'postgres' } })
    for (const name of ['router-0', 'router-1'])
      for (let n = 0; n < 300; n++)
        pods.write(name, { [at(n)]: `${name} ${n}\n`, [WAL]: 'x\n', [`${WAL}.offset`]: '2' })
    const { files, live, unreadable, unseenPods, ...found } = await findIn('k8s://obleth/app=gateway')
    expect([found.pods, unreadable, unseenPods]).toEqual([['router-0', 'router-1'], [], []])
    expect(live).toEqual(['router-0', 'router-1'].map((pod) => ({ pod, reason: 'read from a running pod' })))
    const got = await contents(files)
    expect(Object.keys(got)).toHaveLength(602)
    expect(got[`router-1/${at(7).slice('/var/lib/obleth/'.length)}`]).toBe('router-1 7\n')
    expect(files[0]).toMatchObject({ kind: 'legacy', checkpoint: { state: 'at', offset: 2 } })
    expect(
      pods
        .calls()
        .map(({ kind }) => kind)
        .sort(),
    ).toEqual(['ask', 'list', 'list', 'serve', 'serve'])
    expect(pods.calls('ask')[0].args).toEqual([
      'get',
      'pods',
      '--namespace=obleth',
      '--selector=app=gateway',
      '--output=json',
    ])
    const [{ args }] = pods.calls('serve')
    expect(args.slice(0, 3)).toEqual(['exec', '-i', '--namespace=obleth'])
    expect(args.slice(4)).toEqual(['--container=obleth', '--', 'sh', '-c', 'SCRIPT'])
  })

  it('are one pod however often, and wherever else, they are named', async () => {
    const pods = start({ name: 'router-0' }, { name: 'router-1' })
    const folder = tempFolder()
    write(folder, { 'router-0/telemetry.wal': 'a copy\n' })
    const found = await findIn(
      'k8s://obleth/app=gateway',
      'k8s://obleth/pod/router-0',
      'k8s://obleth/pod/router-1',
      folder,
    )
    expect([found.pods, found.files.length]).toEqual([['router-0', 'router-1'], 3])
    expect(pods.calls('ask').map(({ args }) => args[3])).toEqual([
      '--selector=app=gateway',
      '--field-selector=metadata.name=router-0',
      '--field-selector=metadata.name=router-1',
    ])
  })

  it.each<[string, string, string[]]>([
    ['the WAL by its name', WAL, ['telemetry.wal', 'telemetry.wal.corrupt', 'telemetry.wal.segments/']],
    ['its segments', SEGMENTS, ['telemetry.wal', 'telemetry.wal.corrupt', 'telemetry.wal.segments/']],
    [
      'the folder that it stands in',
      '/var/lib/obleth/',
      ['other.wal', 'telemetry.wal', 'telemetry.wal.corrupt', 'telemetry.wal.segments/'],
    ],
    ['one segment', at(0), ['telemetry.wal.segments/']],
    ['a WAL of another name, of which only segments are left', '/data/usage log', ['usage log.segments/']],
    ['a WAL of another name, without segments', '/data/plain', ['plain']],
  ])('are read where path= names %s', async (_, path, expected) => {
    const pods = start({ name: 'router-0' })
    pods.write('router-0', {
      [WAL]: 'x\n',
      [`${WAL}.corrupt`]: 'y\n',
      '/var/lib/obleth/other.wal': 'z\n',
      [`/data/usage log.segments/${segmentName(1)}`]: 'x\n',
      '/data/plain': 'x\n',
    })
    const { files, pods: names } = await findIn(`k8s://obleth/pod/router-0?path=${encodeURIComponent(path)}`)
    const paths = files.map((file) => file.path.replace('router-0/', '').replace(/[^/]*\.jsonl$/, '')).sort()
    expect([paths, names]).toEqual([expected, ['router-0']])
  })

  it('are read where their own OBLETH_WAL_PATH says, if nobody says otherwise', async () => {
    const pods = start({ name: 'router-0', env: { OBLETH_WAL_PATH: '/data/usage.wal' } })
    pods.write('router-0', { '/data/usage.wal': 'there\n' })
    expect(await contents((await findIn('k8s://obleth/pod/router-0')).files)).toEqual({
      'router-0/usage.wal': 'there\n',
    })
    const { files } = await findIn(`k8s://obleth/pod/router-0?path=${WAL}`)
    expect(Object.values(await contents(files))).toEqual(['router-0\n'])
  })

  it('have the container that kubectl would take, unless another is named', async () => {
    const two = { containers: ['proxy', 'obleth'] }
    const pods = start(
      { name: 'plain', ...two },
      { name: 'said', ...two, annotations: { 'kubectl.kubernetes.io/default-container': 'obleth' } },
    )
    const containerOf = () =>
      pods
        .calls('list')
        .map(({ args }) => `${args[3]} ${args[4]}`)
        .sort()
    await findIn('k8s://obleth/app=gateway')
    expect(containerOf()).toEqual(['plain --container=proxy', 'said --container=obleth'])
    await findIn('k8s://obleth/pod/plain?container=obleth&context=backup')
    expect(pods.calls('list').at(-1)?.args.slice(0, 6)).toEqual([
      'exec',
      '-i',
      '--namespace=obleth',
      '--context=backup',
      'plain',
      '--container=obleth',
    ])
    const { unreadable } = await findIn('k8s://obleth/app=gateway?container=envoy')
    expect(unreadable.map(({ reason }) => reason)).toEqual(
      Array(2).fill(expect.stringContaining('one of proxy, obleth')),
    )
  })

  it('that cannot be read are named, each with what to do, and are not seen', async () => {
    const oci = 'OCI runtime exec failed: exec failed: unable to start container process'
    const pods = start(
      { name: 'drained' },
      { name: 'pending', phase: 'Pending' },
      { name: 'evicted', phase: 'Failed', reason: 'Evicted' },
      { name: 'done', phase: 'Succeeded' },
      { name: 'crashing', state: { waiting: { reason: 'CrashLoopBackOff' } } },
      { name: 'gone', gone: true },
      {
        name: 'distroless',
        noShell: [`error: Internal error occurred: ${oci}: exec: "sh": executable file not found in $PATH: unknown`, 1],
      },
      { name: 'distroless-too', noShell: ['command terminated with exit code 127', 127] },
      { name: 'slim', tools: 'few' },
      {
        name: 'node-lost',
        noShell: ['Error from server: error dialing backend: dial tcp 10.0.0.5:10250: i/o timeout', 1],
      },
      { name: 'leaving', deleting: true },
      { name: 'elsewhere' },
    )
    rmSync(pods.at('drained', SEGMENTS), { recursive: true })
    rmSync(pods.at('elsewhere', '/var/lib/obleth'), { recursive: true })
    const found = await findIn('k8s://obleth/app=gateway')
    expect(reasons(found)).toEqual({
      pending: expect.stringMatching(/pending.*kubectl describe pod --namespace=obleth pending/),
      evicted: expect.stringMatching(/Evicted.*volume claim/),
      done: expect.stringMatching(/Succeeded.*volume claim/),
      crashing: expect.stringMatching(/CrashLoopBackOff.*once it runs/),
      gone: expect.stringContaining('gone'),
      distroless: expect.stringMatching(
        /no shell: kubectl debug --namespace=obleth distroless .*--target=obleth.*\/proc\/1\/root/,
      ),
      'distroless-too': expect.stringMatching(/no shell: kubectl debug/),
      slim: expect.stringMatching(/no program sha256sum: kubectl debug/),
      'node-lost': expect.stringContaining('node'),
      elsewhere: expect.stringContaining('no folder'),
    })
    expect(found.pods).toEqual(['drained', 'elsewhere', 'leaving'])
    expect([...found.unseenPods].sort()).toEqual(
      Object.keys(reasons(found))
        .filter((pod) => pod !== 'elsewhere')
        .sort(),
    )
    expect(found.live).toEqual([{ pod: 'leaving', reason: 'read from a pod that is being deleted' }])
    expect(found.warnings).toMatchObject([{ class: 'drained', path: 'drained' }])
    // The node was asked again; what cannot change was not.
    const asked = (pod: string) => pods.calls('list').filter(({ args }) => args.includes(pod)).length
    expect(['node-lost', 'gone', 'distroless', 'pending'].map(asked)).toEqual([4, 1, 1, 0])
  })

  it('of which none holds anything are no source', async () => {
    const pods = start({ name: 'router-0' })
    rmSync(pods.at('router-0', SEGMENTS), { recursive: true })
    await expect(findIn('k8s://obleth/app=gateway')).rejects.toMatchObject({ code: 'source_not_found' })
  })

  it('have names that nothing can be made of but names', async () => {
    const names = [
      'a b',
      "it's",
      '"quoted"',
      'new\nline',
      '$(touch /tmp/x)',
      '`id`',
      '-rf',
      '*',
      '[a]',
      '?',
      '\\0101',
      'a%2Fb',
      '~',
      ' ',
      '.hidden',
      '..x',
      '#',
      ';',
      '🦀',
      '\u001b[31m',
    ]
    const pods = start({ name: 'router-0' })
    for (const name of names)
      pods.write('router-0', { [`/data/${name}/${name}.wal`]: `${name}\n`, [`/data/${name}/${name}.wal.offset`]: '1' })
    const bytes = Buffer.concat([Buffer.from(pods.at('router-0', '/data/')), Buffer.from([0xff, 0xfe, 0x20])])
    mkdirSync(bytes)
    writeFileSync(Buffer.concat([bytes, Buffer.from('/t.wal')]), 'bytes\n')
    const { files, unreadable } = await findIn('k8s://obleth/pod/router-0?path=/data')
    expect(unreadable).toEqual([])
    expect(await contents(files)).toEqual({
      ...Object.fromEntries(
        names.map((name) => [`router-0/${name}/${name}.wal`, Buffer.from(`${name}\n`).toString('latin1')]),
      ),
      'pct:router-0/%FF%FE%20/t.wal': 'bytes\n',
    })
    expect(files.filter(({ checkpoint }) => checkpoint.state === 'at')).toHaveLength(names.length)
  })

  it('keep links to files; of links to folders only those that lead where nobody looks are missed', async () => {
    const pods = start({ name: 'router-0' })
    const link = (target: string, path: string) => symlinkSync(target, pods.at('router-0', path))
    pods.write('router-0', { '/data/a.wal': 'a\n', '/data/sub/b.wal': 'b\n', '/elsewhere/c.wal': 'c\n' })
    link('a.wal', '/data/again.wal')
    link('.', '/data/loop')
    link('sub', '/data/to-sub')
    link('../elsewhere', '/data/out')
    link('nowhere', '/data/broken.wal')
    link('/dev/null', '/data/device.wal')
    const { files, unreadable, warnings } = await findIn('k8s://obleth/pod/router-0?path=/data')
    expect(Object.values(await contents(files)).sort()).toEqual(['a\n', 'b\n'])
    expect(unreadable).toMatchObject([{ path: 'router-0/loop' }, { path: 'router-0/out' }])
    expect(warnings.map(({ class: kind, path }) => `${kind} ${path}`).sort()).toEqual([
      'not_a_file router-0/device.wal',
      'vanished router-0/broken.wal',
    ])
  })
})

describe('containers and volumes', () => {
  it('are read, each file once, and containers called after themselves', async () => {
    const pods = start()
    pods.container({ name: 'obleth-gateway-1' })
    pods.write('obleth-gateway-1', { '/tmp/obleth-telemetry.wal': 'compose\n' })
    pods.volume({ name: 'obleth_wal', users: ['obleth-gateway-1'] })
    pods.write('obleth_wal', { '/volume/router-7/telemetry.wal': 'volume\n' })
    const sources = [
      'docker://obleth-gateway-1',
      'docker://obleth-gateway-1/tmp/obleth-telemetry.wal',
      'docker-volume://obleth_wal',
    ]
    const { files, live } = await findIn(...sources)
    expect(await contents(files)).toEqual({
      'obleth-gateway-1/obleth-telemetry.wal': 'compose\n',
      'router-7/telemetry.wal': 'volume\n',
    })
    expect(live).toEqual([
      { pod: 'obleth-gateway-1', reason: 'read from a running container' },
      { pod: 'router-7', reason: 'on a volume of a running container' },
    ])
    const podman = await findIn(`podman://${'obleth-gateway-1'.padEnd(64, '0')}`)
    expect(podman.pods).toEqual(['obleth-gateway-1'])
    for (const { program, args } of pods.calls()) expect([program, args[0]]).not.toContain('create')
  })

  it('that do not run, or are not there, are told', async () => {
    const pods = start()
    pods.container({ name: 'stopped', status: 'exited' })
    pods.container({
      name: 'scratch',
      noShell: [
        'OCI runtime exec failed: exec failed: unable to start container process: exec: "sh": executable file not found in $PATH: unknown',
        127,
      ],
    })
    pods.volume({ name: 'empty' })
    const found = await findIn('docker://stopped/data/t.wal', 'podman://scratch')
    expect(reasons(found)).toEqual({
      stopped: expect.stringMatching(/not running.*docker cp stopped:\/data\/t\.wal/),
      scratch: expect.stringMatching(/no shell: podman cp scratch:\/tmp\/obleth-telemetry\.wal/),
    })
    expect(found.unseenPods).toEqual(['stopped', 'scratch'])
    for (const source of [
      'docker://nobody',
      'podman://nobody',
      'docker-volume://nothing',
      'podman-volume://nothing',
      'docker-volume://empty',
    ])
      await expect(findIn(source), source).rejects.toMatchObject({ code: 'source_not_found' })
    // A volume that is not there must not be made by looking into it.
    expect(pods.calls('list').filter(({ args }) => args.some((arg) => arg.includes('nothing')))).toEqual([])
    await expect(findIn('docker-volume://empty?image=alpine:3')).rejects.toMatchObject({
      code: 'config',
      hint: expect.stringContaining('?image='),
    })
  })
})

describe('what is no source', () => {
  it.each([
    'k8s://',
    'k8s://obleth',
    'k8s://obleth/',
    'k8s:///app=x',
    'k8s://-n/app=x',
    'k8s://Obleth/app=x',
    'k8s://obleth/--all-namespaces',
    'k8s://obleth/-lapp',
    'k8s://obleth/pod/-x',
    'k8s://obleth/pod/A',
    'k8s://obleth/app=x?container=-c',
    'k8s://obleth/app=x?context=--as=root',
    'k8s://obleth/app=x?context=',
    'k8s://obleth/app=x?path=var',
    'k8s://obleth/app=x?path=/',
    'k8s://obleth/app=x?path=/%00',
    'k8s://obleth/app=x?as=root',
    'k8s://obleth/app=x?path=/a&path=/b',
    'k8s://obleth/app=x?timeout=0',
    'k8s://obleth/app=x?timeout=soon',
    'k8s://obleth/app=%zz',
    'k8s://obleth/app=$(id)',
    'docker://',
    'docker:///tmp/x',
    'docker://--privileged/x',
    'docker://a?image=x',
    'docker-volume://../etc',
    'docker-volume://a:b',
    'docker-volume://v?image=--rm',
    'podman://a/..',
  ])('%s', async (source) => {
    const pods = start()
    await expect(findIn(source)).rejects.toMatchObject({ code: 'usage' })
    expect(pods.calls()).toEqual([])
  })
})

describe('what refuses', () => {
  const TOKEN = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJvcGVyYXRvciJ9.c2lnbmF0dXJl'

  it.each<[string, 'ask' | 'list', string, string, RegExp]>([
    [
      'a list that is forbidden',
      'ask',
      'Error from server (Forbidden): pods is forbidden: User "op" cannot list resource "pods" in API group "" in the namespace "obleth"',
      'access_denied',
      /docs\/pods\.md/,
    ],
    [
      'an exec that is forbidden',
      'list',
      'Error from server (Forbidden): pods "router-0" is forbidden: User "op" cannot create resource "pods/exec" in API group "" in the namespace "obleth"',
      'access_denied',
      /pods\/exec/,
    ],
    ['nobody logged in', 'ask', `error: You must be logged in to the server (Unauthorized)`, 'access_denied', /log in/],
    [
      'a plugin that fails',
      'ask',
      `Unable to connect to the server: getting credentials: exec: executable aws failed with exit code 255 ${TOKEN}`,
      'access_denied',
      /log in/,
    ],
    [
      'an API server that is away',
      'ask',
      'The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?',
      'source_unreachable',
      /KUBECONFIG/,
    ],
    [
      'an API server that is lost',
      'list',
      'Unable to connect to the server: dial tcp: lookup api.example on 127.0.0.53:53: no such host',
      'source_unreachable',
      /KUBECONFIG/,
    ],
    [
      'a kubeconfig that is broken',
      'ask',
      'error: error loading config file "/root/.kube/config": yaml: line 2',
      'config',
      /KUBECONFIG/,
    ],
    [
      'anything else',
      'ask',
      `error: \u001b[31mwhat? password=hunter2 Bearer abc https://u:hunter2@h/ ${TOKEN}`,
      'source_failed',
      /kubectl/,
    ],
  ])('%s', async (_, kind, says, code, hint) => {
    const pods = start({ name: 'router-0' })
    pods.set({ fails: { [kind]: [says, 1] } })
    const error = await findIn('k8s://obleth/app=gateway').catch((thrown) => thrown)
    expect(error).toMatchObject({
      code,
      hint: expect.stringMatching(hint),
      place: expect.stringContaining('k8s://obleth'),
    })
    expect(`${error.message}${error.hint}`).not.toMatch(/\p{Cc}|hunter2|eyJ|abc/u)
  })

  it('a context, a namespace and a selector that are not there', async () => {
    start({ name: 'router-0' })
    await expect(findIn('k8s://obleth/app=gateway?context=lost')).rejects.toMatchObject({ code: 'config' })
    for (const source of ['k8s://other/app=gateway', 'k8s://obleth/app=other', 'k8s://obleth/pod/router-9'])
      await expect(findIn(source)).rejects.toMatchObject({
        code: 'source_not_found',
        hint: expect.stringContaining('--show-labels'),
      })
  })

  it('engines', async () => {
    const pods = start()
    const all = (text: string) => pods.set({ fails: { ask: [text, 1] } })
    all('Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?')
    await expect(findIn('docker://a')).rejects.toMatchObject({ code: 'source_unreachable' })
    all('permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock')
    await expect(findIn('docker://a')).rejects.toMatchObject({ code: 'access_denied' })
    all('Cannot connect to Podman. Please verify your connection to the Linux system')
    await expect(findIn('podman-volume://a')).rejects.toMatchObject({ code: 'source_unreachable' })
  })

  it('a machine without the program', async () => {
    vi.stubEnv('PATH', '/nowhere')
    for (const [source, program] of [
      ['k8s://obleth/app=x', 'kubectl'],
      ['docker://a', 'docker'],
      ['podman-volume://a', 'podman'],
    ])
      await expect(findIn(source)).rejects.toMatchObject({ code: 'config', message: expect.stringContaining(program) })
  })

  it('a cluster that lists what cannot be pods', async () => {
    const pods = start({ name: '--kubeconfig=x' })
    await expect(findIn('k8s://obleth/app=gateway')).rejects.toMatchObject({ code: 'source_failed' })
    pods.set({ pods: [], fails: { ask: ['', 0] } })
    await expect(findIn('k8s://obleth/app=gateway')).rejects.toMatchObject({ code: 'source_failed' })
  })

  it('a program that says nothing', async () => {
    const pods = start({ name: 'router-0' })
    pods.set({ silent: ['ask'] })
    await expect(findIn('k8s://obleth/app=gateway?timeout=50ms')).rejects.toMatchObject({ code: 'source_unreachable' })
    pods.set({ silent: ['list'] })
    const found = await findIn('k8s://obleth/app=gateway?timeout=3s')
    expect(reasons(found)).toEqual({ 'router-0': expect.stringContaining('nothing came for 3 s') })
  })

  it('is not waited for once it shall stop', async () => {
    const pods = start({ name: 'router-0' })
    pods.set({ silent: ['list'] })
    const stop = new AbortController()
    const found = discover(['k8s://obleth/app=gateway'], { concurrency: 1, s3: AWS, signal: stop.signal })
    found.catch(() => {})
    await vi.waitUntil(() => pods.calls('list').length > 0, { timeout: 10_000 })
    stop.abort()
    await expect(found).rejects.toMatchObject({ name: 'AbortError' })
  })
})
