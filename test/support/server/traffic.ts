import { setTimeout as sleep } from 'node:timers/promises'
import { insertOf, type TestRecord } from '../records.js'
import type { ServerDir } from './server-dir.js'

/** Lets pods insert batches that `next` makes while `work` goes on; what came of the work, and what they inserted. */
export async function besideTraffic<Outcome>(
  dir: ServerDir,
  next: () => readonly TestRecord[],
  work: () => Promise<Outcome>,
  { pods: count, pauseMs } = { pods: 2, pauseMs: 20 },
): Promise<{ outcome: Outcome; others: readonly TestRecord[] }> {
  const others: TestRecord[] = []
  let over = false
  const pod = async () => {
    while (!over) {
      const batch = next()
      await dir.sql(insertOf(batch))
      others.push(...batch)
      await sleep(pauseMs)
    }
  }
  const pods = Array.from({ length: count }, pod)
  try {
    return { outcome: await work(), others }
  } finally {
    over = true
    await Promise.all(pods)
  }
}
