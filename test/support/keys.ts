import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KeyOptions } from '../../src/domain/backup.js'

/** Ways in which backups are encrypted. */
export type EncryptionName = 'none' | 'age' | 'gpg'

/** True where the program of it is here; with CI=true a missing one is an error. */
export function canEncrypt(name: EncryptionName): boolean {
  if (name === 'none' || spawnSync(name, ['--version']).status === 0) return true
  if (process.env.CI === 'true') throw new Error(`${name} is missing: install it (Debian packages age, gnupg)`)
  return false
}

/** Makes a key in a folder; returns the options of commands that take and that open backups. */
export function makeKey(
  name: EncryptionName,
  folder: string,
  passphrase = 'correct horse',
): { readonly take: string[]; readonly open: string[] } {
  if (name === 'none') return { take: [], open: [] }
  const { ageRecipients = '', ageIdentity = '', gpgPassphraseFile = '' } = keyFiles(name, folder, 'key', passphrase)
  return name === 'gpg'
    ? { take: ['--gpg-passphrase-file', gpgPassphraseFile], open: ['--gpg-passphrase-file', gpgPassphraseFile] }
    : { take: ['--age-recipients', ageRecipients], open: ['--age-identity', ageIdentity] }
}

/** Key files in a folder, the passphrase one of several lines. */
export function keyFiles(
  name: 'age' | 'gpg',
  folder: string,
  called: string,
  passphrase = `${called} "horse"`,
): KeyOptions {
  const none = { ageRecipients: undefined, ageIdentity: undefined, gpgPassphraseFile: undefined }
  const file = (ending: string) => join(folder, `${called}.${ending}`)
  if (name === 'gpg') {
    writeFileSync(file('passphrase'), `${passphrase}\nnot this line\n`, { mode: 0o600 })
    return { ...none, gpgPassphraseFile: file('passphrase') }
  }
  const identity = execFileSync('age-keygen', { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  writeFileSync(file('identity'), identity, { mode: 0o600 })
  writeFileSync(file('recipients'), `${/public key: (\S+)/.exec(identity)?.[1]}\n`)
  return { ...none, ageRecipients: file('recipients'), ageIdentity: file('identity') }
}
