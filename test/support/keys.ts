import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Ways in which backups are encrypted, each with its options to encrypt and to open. */
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
  if (name === 'gpg') {
    const file = join(folder, 'passphrase')
    writeFileSync(file, `${passphrase}\nnot this line\n`, { mode: 0o600 })
    return { take: ['--gpg-passphrase-file', file], open: ['--gpg-passphrase-file', file] }
  }
  const identity = execFileSync('age-keygen', { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const [recipients, identities] = [join(folder, 'recipients'), join(folder, 'identity')]
  writeFileSync(identities, identity, { mode: 0o600 })
  writeFileSync(recipients, `${/public key: (\S+)/.exec(identity)?.[1]}\n`)
  return { take: ['--age-recipients', recipients], open: ['--age-identity', identities] }
}
