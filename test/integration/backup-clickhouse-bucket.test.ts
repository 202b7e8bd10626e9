import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
// @ts-expect-error a plain script, without types
import { oblethSchema } from '../../samples/obleth-schema.js'
import { insertOf, record } from '../support/records.js'
import { CREDENTIALS, S3Server } from '../support/s3/index.js'
import { bytesOf } from '../support/s3/objects.js'
import { manifestOf, restoreOf } from '../support/server/backup-server.js'
import { expectLedger } from '../support/server/expect-ledger.js'
import { ServerDir, type ServerRan } from '../support/server/server-dir.js'

vi.setConfig({ testTimeout: 300_000 })

const OURS = Array.from({ length: 200 }, (_, n) => record(n))
const SINCE = Array.from({ length: 9 }, (_, n) => record(n + OURS.length))

const collection = (name: string, url: string, key = CREDENTIALS.AWS_ACCESS_KEY_ID) =>
  `<${name}><url>${url}</url><access_key_id>${key}</access_key_id>
   <secret_access_key>${CREDENTIALS.AWS_SECRET_ACCESS_KEY}</secret_access_key></${name}>`

/** A bucket, and a server with collections for the place of the backups, for another place, and with a wrong key. */
async function scene() {
  const store = await S3Server.start()
  const url = `${store.endpoint}/${store.bucket}`
  const collections = [
    collection('keep', `${url}/ours/`),
    collection('elsewhere', `${url}/theirs/`),
    collection('strange', `${url}/ours/`, 'NOTTHEKEY'),
  ]
  const dir = await ServerDir.start(
    'UTC',
    `<clickhouse><named_collections>${collections.join('')}</named_collections></clickhouse>`,
  )
  onTestFinished(() => dir.remove())
  await dir.sql(...oblethSchema(), insertOf(OURS))
  const run = async (args: readonly string[], target = true) => {
    const place = ['--backups', `s3://${store.bucket}/ours`, '--s3-endpoint', store.endpoint, '--s3-path-style']
    const ran = await dir.command([...args, ...place], { env: CREDENTIALS, state: false, target })
    expect(ran.output).not.toContain(CREDENTIALS.AWS_SECRET_ACCESS_KEY)
    return ran
  }
  const by = (name: string) => ['--clickhouse-s3-collection', name]
  return {
    store,
    dir,
    run,
    backup: (name: string, ...args: string[]) => run(['backup', 'clickhouse', ...by(name), ...args]),
    restore: (...args: string[]) => run(['restore', 'clickhouse', '--yes', ...args]),
    keys: () => [...store.objects.keys()].sort(),
    lose: () => dir.sql('DROP DATABASE obleth SYNC'),
  }
}

const end = ({ code, document, output }: ServerRan) => {
  expect(document.error, output).toBeDefined()
  return [code, document.error?.code, document.error?.message]
}

it('a server writes its backup into the bucket, and restores it from there', async () => {
  const { store, dir, run, backup, restore, keys, lose } = await scene()
  const { id, files, contents } = manifestOf(await backup('keep'))
  expect(contents.tables).toContainEqual({ table: 'obleth.usage', rows: OURS.length })
  expect(contents.facts).toMatchObject({ tool: 'native', collection: 'keep', path: `clickhouse/${id}/native` })
  // All that lies there is in the manifest, in its size.
  const stored = keys().filter((key) => !key.endsWith('/manifest.json'))
  expect(files.map(({ path }) => `ours/clickhouse/${id}/${path}`).sort()).toEqual(stored)
  for (const { path, bytes } of files)
    expect(store.objects.get(`ours/clickhouse/${id}/${path}`)?.body.length).toBe(bytes)
  for (const word of ['verify', 'drill']) {
    const ran = await run(['backups', word, id])
    expect(ran.code, ran.output).toBe(0)
  }
  await lose()
  await dir.sql(...oblethSchema(), insertOf(SINCE))
  expect((await restore()).code).toBe(5)
  expect(restoreOf(await restore('--replace'))).toMatchObject({ status: 'ok', restored: true, rollup: 'consistent' })
  await expectLedger(dir, OURS)
  await dir.sql(insertOf(SINCE))
  await expectLedger(dir, [...OURS, ...SINCE])

  const second = manifestOf(await backup('keep'))
  const policy = '--keep-last 1 --keep-daily 0 --keep-weekly 0 --keep-monthly 0 --confirm'.split(' ')
  const pruned = await run(['backups', 'prune', ...policy], false)
  expect(pruned.code, pruned.output).toBe(0)
  expect(keys().filter((key) => !key.startsWith(`ours/clickhouse/${second.id}/`))).toEqual([])
})

it('what is damaged in the bucket is found, and restores nothing', async () => {
  const { store, dir, run, backup, restore, keys, lose } = await scene()
  const { id } = manifestOf(await backup('keep'))
  const key = keys().find((name) => /native\/data\/obleth\/usage\/.*data\.bin$/.test(name)) ?? ''
  const bytes = bytesOf(store.objects.get(key)?.body ?? Buffer.alloc(0))
  expect(bytes.length).toBeGreaterThan(0)
  bytes[bytes.length >> 1] ^= 1
  store.put({ [key]: bytes })
  const verified = await run(['backups', 'verify', id])
  expect([verified.code, verified.output]).toEqual([4, expect.stringMatching('not those that were stored')])
  await lose()
  await dir.sql(...oblethSchema(), insertOf(SINCE))
  const ran = await restore('--replace')
  expect(ran.code, ran.output).toBe(1)
  await expectLedger(dir, SINCE)
})

it('what cannot work leaves no backup, and earlier ones as they are', async () => {
  const { store, dir, run, backup, keys } = await scene()
  manifestOf(await backup('keep'))
  const before = keys()
  expect(end(await backup('strange'))).toEqual([12, 'access_denied', expect.any(String)])
  expect(end(await backup('unknown'))).toEqual([2, 'config', expect.stringMatching('unknown')])
  expect(keys()).toEqual(before)
  store.fault = ({ method, key }) =>
    method === 'PUT' && key.endsWith('native/.backup') ? { status: 403, code: 'AccessDenied' } : null
  expect(end(await backup('keep'))).toEqual([12, 'access_denied', expect.any(String)])
  store.fault = () => null
  expect(keys()).toEqual(before)
  const elsewhere = end(await backup('elsewhere'))
  expect(elsewhere).toEqual([2, 'config', expect.stringMatching('it is not in s3://usage-backup/ours')])
  expect(keys().filter((key) => !key.startsWith('theirs/'))).toEqual(before)
  const local = [
    'backup',
    'clickhouse',
    '--clickhouse-s3-collection',
    'keep',
    '--backups',
    join(dir.files.root, 'kept'),
  ]
  const kept = await dir.command(local, { state: false })
  expect(end(kept)).toEqual([2, 'usage', expect.stringMatching('only into a bucket')])
  const recipients = join(dir.files.root, 'recipients')
  writeFileSync(recipients, 'age1nobody\n')
  const encrypted = end(await backup('keep', '--age-recipients', recipients))
  expect(encrypted).toEqual([2, 'usage', expect.stringMatching('cannot be encrypted')])
  expect(keys().filter((key) => !key.startsWith('theirs/'))).toEqual(before)
  const nowhere = await run(['backup', 'clickhouse'])
  expect(nowhere.output).toMatch('--clickhouse-s3-collection')
  await expectLedger(dir, OURS)
})

it('a command that is killed while the server writes leaves an incomplete backup, which prune clears away', async () => {
  const { store, dir, run, backup, keys } = await scene()
  const { id } = manifestOf(await backup('keep'))
  const before = keys()
  let writing: () => void = () => {}
  const begun = new Promise<void>((resolve) => {
    writing = resolve
  })
  store.fault = ({ method, key }) => {
    if (method === 'PUT' && /native\/data\//.test(key)) writing()
    return null
  }
  const place = ['--backups', `s3://${store.bucket}/ours`, '--s3-endpoint', store.endpoint, '--s3-path-style']
  const args = ['backup', 'clickhouse', '--clickhouse-s3-collection', 'keep', ...place]
  const killed = await dir.command(args, { env: CREDENTIALS, state: false, killWhen: () => begun })
  expect(killed.signal, killed.output).toBe('SIGKILL')
  await dir.until("SELECT 1 WHERE (SELECT count() FROM system.backups WHERE toString(status) = 'CREATING_BACKUP') = 0")
  const listed = await run(['backups', 'list'], false)
  const { backups } = listed.document as unknown as { backups: { id: string; state: string }[] }
  expect(backups.map(({ state }) => state)).toEqual(['incomplete', 'complete'])
  const pruned = await run(['backups', 'prune', '--confirm'], false)
  expect(pruned.code, pruned.output).toBe(0)
  expect(keys()).toEqual(before)
  const verified = await run(['backups', 'verify', id])
  expect(verified.code, verified.output).toBe(0)
  manifestOf(await backup('keep'))
  const [databases] = await dir.sql("SELECT name FROM system.databases WHERE startsWith(name, 'obleth')")
  expect(databases).toEqual([{ name: 'obleth' }])
})
