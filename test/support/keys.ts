import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KeyOptions } from '../../src/domain/backup.js'

/** Why backups cannot be encrypted here, or null; with CI=true a missing program is an error. */
export function noEncryption(): string | null {
  try {
    for (const program of ['age', 'gpg']) execFileSync(program, ['--version'], { stdio: 'ignore' })
    return null
  } catch {
    if (process.env.CI === 'true') throw new Error('age or gpg is missing: install them (Debian packages age, gnupg)')
    return 'age or gpg is missing'
  }
}

/** Key files in a folder: an identity of age with its recipient, and a passphrase for gpg. */
export function makeKeys(folder: string, name = 'key'): { readonly age: KeyOptions; readonly gpg: KeyOptions } {
  const identity = join(folder, `${name}.age`)
  const recipients = join(folder, `${name}.pub`)
  const passphrase = join(folder, `${name}.passphrase`)
  execFileSync('age-keygen', ['-o', identity], { stdio: 'ignore' })
  writeFileSync(recipients, execFileSync('age-keygen', ['-y', identity]))
  writeFileSync(passphrase, `${name} passphrase, with "quotes" and spaces \n`)
  const none = { ageRecipients: undefined, ageIdentity: undefined, gpgPassphraseFile: undefined }
  return {
    age: { ...none, ageRecipients: recipients, ageIdentity: identity },
    gpg: { ...none, gpgPassphraseFile: passphrase },
  }
}
