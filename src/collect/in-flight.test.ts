import { setImmediate } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { inFlight } from './in-flight.js'

const signal = new AbortController().signal

it('runs no more than so many at once, in their order', async () => {
  let now = 0
  let most = 0
  const begun: number[] = []
  const tasks = Array.from({ length: 9 }, (_, n) => async () => {
    begun.push(n)
    most = Math.max(most, ++now)
    await setImmediate()
    now--
  })
  await inFlight(tasks, 3, signal)
  expect([most, begun]).toEqual([3, [0, 1, 2, 3, 4, 5, 6, 7, 8]])
})

it('after a failure begins nothing more, stops what is under way, waits for it, and throws the first error', async () => {
  const seen: string[] = []
  const tasks = [
    async (stopped: AbortSignal) => {
      while (!stopped.aborted) await setImmediate()
      seen.push('stopped')
      throw new Error('because of that')
    },
    async () => {
      await setImmediate()
      throw new Error('the first')
    },
    async () => void seen.push('begun'),
  ]
  await expect(inFlight(tasks, 2, signal)).rejects.toThrow('the first')
  expect(seen).toEqual(['stopped'])
})

it('begins nothing where the run is stopped', async () => {
  const stop = new AbortController()
  stop.abort()
  await expect(inFlight([async () => expect.unreachable()], 1, stop.signal)).rejects.toThrow(/abort/)
})
