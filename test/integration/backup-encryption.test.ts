import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { decrypt, encrypt, encryptionOf } from '../../src/backup/encryption.js'
import type { KeyOptions } from '../../src/domain/backup.js'
import { canEncrypt, keyFiles } from '../support/keys.js'

const folder = mkdtempSync(join(tmpdir(), 'keys-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const signal = new AbortController().signal

async function* pieces(...all: Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* all
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const got: Uint8Array[] = []
  for await (const chunk of chunks) got.push(Buffer.from(chunk))
  return Buffer.concat(got)
}

describe.skipIf(!canEncrypt('age') || !canEncrypt('gpg'))('a file encrypted with', () => {
  const right = { age: keyFiles('age', folder, 'right'), gpg: keyFiles('gpg', folder, 'right') }
  const wrong = { age: keyFiles('age', folder, 'wrong'), gpg: keyFiles('gpg', folder, 'wrong') }
  const content = Buffer.alloc(5_000_003, 'some text of a dump, ')

  describe.each(['age', 'gpg'] as const)('%s', (way) => {
    const encrypted = bytesOf(encrypt(pieces(content.subarray(0, 7), content.subarray(7)), way, right[way], signal))

    it('is not readable, and comes back as it was', async () => {
      expect((await encrypted).includes('some text')).toBe(false)
      expect((await bytesOf(decrypt(pieces(await encrypted), way, right[way], signal))).equals(content)).toBe(true)
    })

    it('does not open with another key', async () => {
      await expect(bytesOf(decrypt(pieces(await encrypted), way, wrong[way], signal))).rejects.toMatchObject({
        code: 'access_denied',
        message: expect.not.stringContaining('report unexpected'),
      })
    })

    it('that is cut or damaged ends in an error, whatever came out of it before', async () => {
      const cut = (await encrypted).subarray(0, (await encrypted).length - 40)
      const flipped = Buffer.from(await encrypted)
      flipped[flipped.length - 2000] ^= 1
      for (const bad of [cut, flipped])
        await expect(bytesOf(decrypt(pieces(bad), way, right[way], signal))).rejects.toMatchObject({
          code: 'verification_failed',
        })
    })

    it('needs a key to be opened', async () => {
      const none: KeyOptions = { ageRecipients: undefined, ageIdentity: undefined, gpgPassphraseFile: undefined }
      await expect(bytesOf(decrypt(pieces(await encrypted), way, none, signal))).rejects.toMatchObject({
        code: 'config',
        hint: expect.stringContaining(way === 'age' ? '--age-identity' : '--gpg-passphrase-file'),
      })
    })

    it('passes on why its bytes broke off', async () => {
      async function* broken() {
        yield content
        throw new Error('pg_dump failed')
      }
      await expect(bytesOf(encrypt(broken(), way, right[way], signal))).rejects.toThrow('pg_dump failed')
    })

    it('can be left early', async () => {
      for await (const chunk of encrypt(pieces(content, content), way, right[way], signal)) if (chunk.length > 0) break
    })
  })

  it('both ways at once is refused, and so is a key file that is not there', () => {
    const both = { ...right.age, gpgPassphraseFile: right.gpg.gpgPassphraseFile }
    expect(() => encryptionOf(both)).toThrow(expect.objectContaining({ code: 'usage' }))
    const gone = { ...right.age, ageRecipients: join(folder, 'gone') }
    expect(() => encryptionOf(gone)).toThrow(expect.objectContaining({ code: 'config' }))
    expect([encryptionOf(right.age), encryptionOf(right.gpg)]).toEqual(['age', 'gpg'])
  })
})
