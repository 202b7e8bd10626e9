import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { DoctorOutcome } from '../../src/domain/doctor.js'
import { CLI, hasPgbackrest, PgbackrestScene, shifted } from '../support/pgbackrest-scene.js'

vi.setConfig({ testTimeout: 200_000, hookTimeout: 200_000 })

describe.skipIf(!hasPgbackrest)('doctor, where Postgres is archived', () => {
  let scene: PgbackrestScene
  beforeAll(async () => {
    scene = await PgbackrestScene.start()
  })
  afterAll(() => scene?.cluster.remove())

  const doctor = async (...args: string[]) =>
    (await scene.command(['doctor', ...scene.reached(), ...args])) as unknown as DoctorOutcome & { code: number }

  it('tells up to which moment it comes back, and the command of the runbook brings it there', async () => {
    const { window, matrix, problems, runbook } = await doctor('--lost', 'postgres')
    expect(window).toEqual({ from: expect.stringContaining(scene.windowStart.slice(0, 19)), before: scene.two })
    expect(problems.filter(({ about }) => about === 'archive of postgres')).toEqual([])
    const row = matrix.find(({ lost }) => lost === 'postgres')
    expect(row).toMatchObject({ untilMs: Date.parse(scene.two) })
    const [command] = row?.commands ?? []
    expect(command).toContain(`--to ${shifted(scene.two, -1n)} `)
    expect(runbook?.steps.map((step) => step.command)).toContain(command)
    await scene.cluster.stop()
    // As it would be pasted, with the answer yes.
    writeFileSync(scene.at('obleth-ledger'), `#!/bin/sh\nexec "${process.execPath}" "${CLI}" "$@"\n`, { mode: 0o755 })
    const env = { ...scene.env, PATH: `${scene.cluster.root}:${process.env.PATH}`, OBLETH_LEDGER_YES: 'true' }
    execFileSync('sh', ['-c', command], { cwd: scene.cluster.root, env, stdio: 'pipe' })
    await scene.cluster.start(`${scene.cluster.data}-recovered`, 'archive_mode=off')
    expect(await scene.cluster.notes()).toEqual(['before', 'one'])
    await scene.cluster.stop()
    await scene.cluster.start()
  })

  it('counts an archive that fails among what needs attention', async () => {
    await scene.cluster.query("ALTER SYSTEM SET archive_command = 'false'")
    await scene.cluster.query('SELECT pg_reload_conf()')
    await scene.cluster.closeSegment()
    const { code, problems } = await doctor('--tool-timeout', '5s')
    expect(code).toBe(4)
    expect(problems.map(({ about }) => about)).toContain('archive of postgres')
  })
})
