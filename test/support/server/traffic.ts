import { setTimeout as sleep } from 'node:timers/promises'
import { insertOf, type TestRecord } from '../records.js'
import type { ServerDir } from './server-dir.js'

/** Lets two pods insert batches that `next` makes while `work` goes on; what came of the work, and what they inserted. */
export async function besideTraffic<Outcome>(
  dir: ServerDir,
  next: () => readonly TestRecord[],
  work: () => Promise<Outcome>,
): Promise<{ outcome: Outcome; others: readonly TestRecord[] }> {
  const others: TestRecord[] = []
  let over = false
  const pod = async () => {
    while (!over) {
      const batch = next()
      await dir.sql(insertOf(batch))
      others.push(...batch)
      await sleep(20)
    }
  }
  const pods = [pod(), pod()]
  try {
    return { outcome: await work(), others }
  } finally {
    over = true
    await Promise.all(pods)
  }
}
