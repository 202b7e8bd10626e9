import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { isProcessAlive, processStat } from './process-alive.js'

it('tells a process that runs from one that is gone', async () => {
  const child = spawn('sleep', ['60'])
  expect([isProcessAlive(process.pid), isProcessAlive(child.pid ?? 0)]).toEqual([true, true])
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(isProcessAlive(child.pid ?? 0)).toBe(false)
})

it.runIf(process.platform === 'linux')(
  'does not count one that has ended and that nobody has asked after',
  async () => {
    // The shell becomes a program that never asks after the child that it had.
    const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      const [line] = (await once(parent.stdout, 'data')) as [Buffer]
      const pid = Number(line.toString())
      for (let round = 0; round < 1000 && processStat(pid)[0] !== 'Z'; round++) await sleep(5)
      expect(processStat(pid)[0]).toBe('Z')
      expect(isProcessAlive(pid)).toBe(false)
    } finally {
      parent.kill('SIGKILL')
    }
  },
)
