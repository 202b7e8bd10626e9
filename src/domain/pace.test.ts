import { expect, it } from 'vitest'
import { Pace } from './pace.js'

const signal = new AbortController().signal

/** A clock that stands still but for the waiting. */
function clock() {
  const waits: number[] = []
  let now = 5000
  return {
    waits,
    pass: (ms: number) => {
      now += ms
    },
    now: () => now,
    wait: async (ms: number) => {
      waits.push(ms)
      now += ms
    },
  }
}

async function* pieces(...sizes: number[]) {
  for (const size of sizes) yield new Uint8Array(size)
}

async function sizes(pieces: AsyncIterable<Uint8Array>): Promise<number[]> {
  const all: number[] = []
  for await (const { length } of pieces) all.push(length)
  return all
}

it('makes each piece wait until those before it have taken their time', async () => {
  const time = clock()
  const pace = new Pace(1000, signal, time)
  expect(await sizes(pace.through(pieces(500, 250, 1)))).toEqual([500, 250, 1])
  expect(time.waits).toEqual([500, 250])
})

it('counts what passes in all of its streams', async () => {
  const time = clock()
  const pace = new Pace(1000, signal, time)
  await sizes(pace.through(pieces(2000)))
  await sizes(pace.through(pieces(10)))
  expect(time.waits).toEqual([2000])
})

it('saves up nothing while nothing passes', async () => {
  const time = clock()
  const pace = new Pace(1000, signal, time)
  await sizes(pace.through(pieces(1)))
  time.pass(60_000)
  await sizes(pace.through(pieces(3000, 3000)))
  expect(time.waits).toEqual([3000])
})

it('without a limit waits for nothing, and ends where the run is stopped', async () => {
  const time = clock()
  await sizes(new Pace(undefined, signal, time).through(pieces(1e6, 1e6)))
  expect(time.waits).toEqual([])
  const stop = new AbortController()
  stop.abort()
  await expect(sizes(new Pace(undefined, stop.signal).through(pieces(1)))).rejects.toThrow(/abort/)
})
