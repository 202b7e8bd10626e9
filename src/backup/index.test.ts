import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { canEncrypt, keyFiles } from '../../test/support/keys.js'
import type { BackupsOptions, KeyOptions } from '../domain/backup.js'
import { backupsVerify } from './index.js'
import { directoryStorage } from './storage/directory.js'
import type { Store } from './store.js'
import { takeBackup } from './take.js'

const NONE: KeyOptions = { ageRecipients: undefined, ageIdentity: undefined, gpgPassphraseFile: undefined }
const signal = new AbortController().signal

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'verify-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

async function* bytes() {
  yield Buffer.from('no dump of anything')
}

async function take(keys: KeyOptions): Promise<string> {
  const store: Store = {
    name: 'redis',
    backup: async (writer) => {
      await writer.add('dump.rdb', bytes())
      const contents = { databases: [], tables: [], facts: {} }
      return { programs: {}, serverVersion: '7.0.15', source: 'x', contents, notes: [] }
    },
    check: async () => [],
    drill: async () => [],
  }
  return (await takeBackup(store, directoryStorage(join(root, 'backups')), { keys, bytesPerSecond: undefined }, signal))
    .id
}

const verify = (named: string, keys: KeyOptions) => {
  const redis = { url: undefined, caFile: undefined, dataDir: undefined }
  const options = { place: join(root, 'backups'), keys, stores: { redis } } as unknown as BackupsOptions
  return backupsVerify(options, named, signal)
}

it.skipIf(!canEncrypt('age'))('one backup that a key does not open hides nothing of the others', async () => {
  const sealed = await take(keyFiles('age', root, 'right'))
  const wrong = keyFiles('age', root, 'wrong')
  // Alone, it is an error of its own kind.
  await expect(verify(sealed, wrong)).rejects.toMatchObject({ code: 'access_denied' })
  const plain = await take(NONE)
  const { verified } = await verify('', wrong)
  const reasons = new Map(verified.map(({ id, findings }) => [id, findings.map(({ reason }) => reason).join()]))
  expect(reasons.get(sealed)).toMatch(/cannot be opened.*key/)
  expect(reasons.get(plain)).toMatch(/RDB|dump|snapshot/i)
})
