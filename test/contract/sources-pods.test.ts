import { afterEach, describe, expect, it, vi } from 'vitest'
import { discover } from '../../src/sources/index.js'
import { Pods, WAL } from '../support/pods/index.js'
import { AWS, read, segmentName } from '../support/wal-tree.js'

const SEGMENT = `${WAL}.segments/${segmentName(Date.UTC(2025, 5, 15, 12))}`

function start(): Pods {
  const pods = Pods.start()
  vi.stubEnv('PATH', pods.env.PATH)
  return pods
}
afterEach(() => vi.unstubAllEnvs())

const findIn = (argument: string) => discover([argument], { concurrency: 4, s3: AWS })

describe('pods of a cluster', () => {
  it('are listed and read, each by its own name', async () => {
    const pods = start()
    for (const name of ['router-0', 'router-1']) {
      pods.pod({ name })
      pods.write(name, { [WAL]: `${name}\n`, [SEGMENT]: `${name} segment\n`, [`${SEGMENT}.offset`]: '3' })
    }
    const found = await findIn('k8s://obleth/app=gateway')
    await read(found.files)
    expect(found.pods).toEqual(['router-0', 'router-1'])
  })
})
