import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LedgerDir } from '../support/ledger-dir.js'
import { record, segment } from '../support/records.js'
import { CREDENTIALS, S3Server } from '../support/s3/index.js'
import { segmentName } from '../support/wal-tree.js'

let dir: LedgerDir
let small: string
beforeEach(() => {
  dir = new LedgerDir()
  // The bundle's folder, or what --state-dir names.
  small = dir.state
  mkdirSync(small)
  for (let n = 0; n < 4; n++)
    dir.write(
      `router-${n}/telemetry.wal.segments/${segmentName(1_773_180_000_000 + n)}`,
      segment([Array.from({ length: 2000 }, (_, i) => record(2000 * n + i))]),
    )
})
afterEach(() => {
  spawnSync('umount', ['-l', small])
  dir.remove()
})

const mount = (...args: string[]) => spawnSync('mount', args).status === 0

describe('a disk that is full ends a collect; with space the same command goes on', () => {
  it.for(['the bundle', 'what is on its way into a bucket'])('under %s', async (what, { skip }) => {
    // Four files of about 0.9 MB.
    if (!mount('-t', 'tmpfs', '-o', 'size=600k', 'tmpfs', small))
      return skip('a small disk can be mounted only by root')
    const store = await S3Server.start()
    const to = what === 'the bundle' ? join(small, 'bundle') : `s3://${store.bucket}/bundle`
    const args = ['--to', to, '--s3-endpoint', store.endpoint, '--s3-path-style']
    const command = (more: readonly string[]) => dir.runBeside([...more, ...args], CREDENTIALS)
    const { code, document } = await command(['collect', dir.pods])
    expect([code, document.error?.code]).toEqual([1, 'disk_full'])
    expect((await command(['collect', '--verify'])).code).toBe(5)
    expect(mount('-o', 'remount,size=64m', small)).toBe(true)
    expect((await command(['collect', dir.pods])).code).toBe(0)
    expect((await command(['collect', '--verify'])).code).toBe(0)
    if (what !== 'the bundle') expect(readdirSync(small)).toEqual([])
  })
})
