import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
// @ts-expect-error a plain script, without types
import { oblethSchema } from '../../samples/obleth-schema.js'
import type { AuditOutcome } from '../../src/domain/audit.js'
import type { CollectOutcome, VerifyOutcome } from '../../src/domain/collect.js'
import { cleanEnv, LedgerDir } from '../support/ledger-dir.js'
import { Pods, WAL } from '../support/pods/index.js'
import { insertOf, record, segment } from '../support/records.js'
import { segmentName } from '../support/wal-tree.js'

const CLI = fileURLToPath(new URL('../../bin/obleth-ledger.js', import.meta.url))
const SOURCE = 'k8s://obleth/app=gateway'
const at = (n: number) => `${WAL}.segments/${segmentName(1_773_180_000_000 + n)}`
const pair = (n: number) => segment([[record(2 * n), record(2 * n + 1)]])

let dir: LedgerDir
let pods: Pods
beforeEach(() => {
  dir = new LedgerDir()
  pods = new Pods()
  for (let n = 0; n < 3; n++) {
    pods.pod({ name: `router-${n}` })
    pods.write(`router-${n}`, { [at(n)]: pair(n), [at(n + 10)]: pair(n + 10) })
  }
})
afterEach(() => {
  dir.remove()
  pods.remove()
})

const run = (...args: string[]) => dir.runBeside(args, pods.env)
const inLedger = () => dir.sql('SELECT count() AS rows, sum(input_tokens) AS tokens FROM obleth.usage')[0]
const tokens = (...pairs: number[]) =>
  String(pairs.flatMap((n) => [2 * n, 2 * n + 1]).reduce((sum, n) => sum + 1000 + n * n, 0))

/** Programs that were started for these pods and still run. */
const leftBehind = () => readdirSync('/proc').filter((id) => /^\d+$/.test(id) && commandLine(id).includes(pods.root))

function commandLine(id: string): string {
  try {
    return readFileSync(`/proc/${id}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

describe('running pods as sources', () => {
  it('are inspected and replayed, and named as running', async () => {
    const inspected = await run('inspect', SOURCE)
    expect(inspected.code).toBe(0)
    expect(inspected.document).toMatchObject({
      records: { decoded: 12 },
      sources: { pods: 3, files: 6, unreadable: [] },
    })
    const planned = await run('replay', SOURCE, '--dry-run')
    const { plan } = planned.document as unknown as { plan: { live: { pod: string; reason: string }[] } }
    expect(plan.live).toEqual([0, 1, 2].map((n) => ({ pod: `router-${n}`, reason: 'read from a running pod' })))
    const { code, document, stderr } = await run('replay', SOURCE)
    expect([code, document.records.inserted, stderr]).toEqual([0, 12, ''])
    expect(inLedger()).toEqual([{ rows: '12', tokens: tokens(0, 1, 2, 10, 11, 12) }])
    // Again, beside a copy of one of them, and a container that mounts its volume.
    pods.container({ name: 'router-0' })
    pods.write('router-0', { '/tmp/obleth-telemetry.wal': pair(20) })
    const again = await run('replay', SOURCE, 'docker://router-0')
    expect(again.document.records).toMatchObject({ inserted: 2, alreadyInLedger: 12 })
    expect(again.document.sources.pods).toBe(3)
  })

  it('that were staged are published without reading them again', async () => {
    expect((await run('replay', SOURCE, '--stage-only')).code).toBe(0)
    const served = pods.calls('serve').length
    expect((await run('replay', SOURCE)).document.records.inserted).toBe(12)
    expect(pods.calls('serve')).toHaveLength(served)
  })

  it('of which some cannot be read: the rest is loaded, the run is incomplete', async () => {
    pods.pod({ name: 'router-1', phase: 'Pending' })
    pods.pod({ name: 'router-2', faults: [{ on: 'serve', calls: 'all', kind: 'cut', after: 0 }] })
    const { code, document } = await run('replay', `${SOURCE}?timeout=10s`)
    expect([code, document.status, document.records.inserted]).toEqual([3, 'incomplete', 4])
    expect(document.sources.unreadable.map(({ path }) => path)).toEqual([
      'router-1',
      `router-2/${at(2).slice('/var/lib/obleth/'.length)}`,
      `router-2/${at(12).slice('/var/lib/obleth/'.length)}`,
    ])
    // Once they can be, the same command adds what was missing.
    pods.pod({ name: 'router-1' })
    pods.pod({ name: 'router-2' })
    expect((await run('replay', `${SOURCE}?timeout=10s`)).document.records).toMatchObject({
      inserted: 8,
      alreadyInLedger: 4,
    })
    expect(inLedger()).toEqual([{ rows: '12', tokens: tokens(0, 1, 2, 10, 11, 12) }])
  })

  it.each<[string, () => void, number]>([
    [
      'nobody may list',
      () => pods.set({ fails: { ask: ['Error from server (Forbidden): pods is forbidden', 1] } }),
      12,
    ],
    ['nobody may look into', () => pods.set({ fails: { list: ['error: pods "router-0" is forbidden', 1] } }), 12],
    ['nobody may read any more', () => pods.set({ fails: { serve: ['error: Unauthorized', 1] } }), 12],
    ['are out of reach', () => pods.set({ fails: { ask: ['Unable to connect to the server: EOF', 1] } }), 13],
    ['go out of reach', () => pods.set({ fails: { serve: ['Unable to connect to the server: EOF', 1] } }), 13],
    ['are not there', () => pods.set({ pods: [] }), 10],
    ['no kubectl leads to', () => rmSync(join(pods.root, 'kubectl')), 2],
  ])('that %s end the run, which goes on later', async (_, spoil, exit) => {
    const { pods: known } = pods.state
    spoil()
    const env = { PATH: pods.root }
    const { code, document, stderr } = await dir.runBeside(['replay', `${SOURCE}?timeout=10s`], env)
    expect(code, JSON.stringify(document.error)).toBe(exit)
    expect(stderr).not.toContain('node:internal')
    if (exit === 2) return
    pods.set({ pods: known, fails: {} })
    expect((await run('replay', `${SOURCE}?timeout=10s`)).document.records.inserted).toBe(12)
  })

  it.each(['list', 'serve'])(
    'that stand still (%s) are left at once on Ctrl-C, and nothing stays behind',
    async (kind) => {
      pods.set({ silent: [kind] })
      const args = [CLI, 'inspect', SOURCE, '--state-dir', dir.state, '--quiet']
      const child = spawn(process.execPath, args, { env: cleanEnv(pods.env), stdio: 'ignore' })
      const ended = new Promise((resolve) => child.on('close', resolve))
      await vi.waitUntil(() => pods.calls().some((call) => call.kind === kind), { timeout: 30_000 })
      child.kill('SIGINT')
      expect(await ended).toBe(130)
      await vi.waitUntil(() => leftBehind().length === 0, { timeout: 10_000 })
    },
  )

  it('are compared with the ledger: what it lacks, and pods that nobody could look into', async () => {
    const NOON = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 43_200_000
    const rows = [0, 1, 2].map((n) => [0, 1].map((i) => record(10 * n + i, { ts_ms: NOON + 1000 * (10 * n + i) })))
    for (const [n, of] of rows.entries()) {
      rmSync(pods.at(`router-${n}`, '/var/lib/obleth'), { recursive: true })
      pods.write(`router-${n}`, { [at(n)]: segment([of]) })
    }
    pods.pod({ name: 'router-3', phase: 'Pending' })
    pods.pod({ name: 'router-4', noShell: ['command terminated with exit code 127', 127] })
    pods.pod({ name: 'router-5' })
    pods.write('router-5', { '/var/lib/obleth/README': 'drained\n' })
    dir.sql(...oblethSchema(), insertOf(rows[0]), insertOf(rows[1]))
    const audit = async (...args: string[]) => {
      const { code, document } = await run('audit', SOURCE, ...args)
      const { findings } = document as unknown as AuditOutcome
      return { code, findings: findings.map(({ kind, place }) => `${kind} ${place}`) }
    }
    expect(await audit('--pods', 'router-0', '--pods', 'router-4', '--pods', 'router-5', '--pods', 'router-9')).toEqual(
      {
        code: 4,
        findings: ['missing router-2', ...[4, 9, 3].map((n) => `pod_unseen router-${n}`)],
      },
    )
    // A copy of its WAL is as good as the pod.
    dir.write('router-3/telemetry.wal', segment([rows[0]]))
    dir.write('router-4/telemetry.wal', segment([rows[1]]))
    expect((await audit(dir.pods)).findings).toEqual(['missing router-2'])
    const day = new Date(NOON).toISOString().slice(0, 10)
    const bill = await run('bill', SOURCE, '--period', day)
    expect(bill.document).toMatchObject({ command: 'bill', total: { requests: 4 } })
  })

  it('are collected into a bundle that is proven, and replays to the same ledger', async () => {
    const bundle = join(dir.root, 'bundle')
    pods.write('router-0', { [`${at(0)}.offset`]: String(pair(0).length) })
    pods.pod({ name: 'router-3', phase: 'Failed', reason: 'Evicted' })
    const collected = await run('collect', SOURCE, '--to', bundle)
    const { files, unreadable, live } = collected.document as unknown as CollectOutcome
    expect([collected.code, files.length, unreadable.map(({ path }) => path)]).toEqual([3, 6, ['router-3']])
    expect(live.map(({ pod }) => pod)).toEqual(['router-0', 'router-1', 'router-2'])
    expect(files.find(({ path }) => path.endsWith(at(0).split('/').at(-1)!))).toMatchObject({
      pod: 'router-0',
      state: 'whole',
      checkpoint: { state: 'at', offset: pair(0).length },
    })
    // Of running pods the newest segment alone may grow.
    expect(files.filter(({ state }) => state === 'growing').map(({ pod }) => pod)).toEqual([
      'router-0',
      'router-1',
      'router-2',
    ])
    const verified = await run('collect', '--verify', '--to', bundle)
    expect((verified.document as unknown as VerifyOutcome).differences).toEqual([])
    // What its pod has not written to since is not fetched again.
    const served = pods.calls('serve').length
    expect(((await run('collect', SOURCE, '--to', bundle)).document as unknown as CollectOutcome).written).toBe(0)
    expect(pods.calls('serve')).toHaveLength(served)
    // Collected again once one of them has drained and another has written: nothing is taken away.
    rmSync(pods.at('router-0', `${WAL}.segments`), { recursive: true })
    pods.write('router-1', { [at(11)]: pair(11) + pair(30) })
    expect((await run('collect', SOURCE, '--to', bundle)).code).toBe(3)
    expect((await run('replay', bundle)).document.records.inserted).toBe(14)
    expect(inLedger()).toEqual([{ rows: '14', tokens: tokens(0, 1, 2, 10, 11, 12, 30) }])
  })
})
