import type { IncomingHttpHeaders } from 'node:http'
import type { StoredObject } from './objects.js'
import { storedObject } from './objects.js'

const ALGORITHM = 'x-amz-server-side-encryption'
const KEY = 'x-amz-server-side-encryption-aws-kms-key-id'
const ARN = 'arn:aws:kms:eu-central-1:111122223333:key/'
/** The key of the account that is used where none is named. */
const DEFAULT_KEY = `${ARN}aws/s3`

/** Keys of the stand-in's key service, and what an answer calls them. */
export const KMS_KEYS: Readonly<Record<string, string>> = {
  'alias/backups': `${ARN}1234abcd-12ab-34cd-56ef-1234567890ab`,
}

/** What a bucket makes of requests for encryption. `ignores`: it stores in the clear and says nothing. */
export type Encrypting = 'as asked' | 'ignores' | 'asked only'

/** Headers that tell of an object's encryption, as AWS gives them with it; or the code of the error. */
export function encryptionOf(headers: IncomingHttpHeaders, bucket: Encrypting): Record<string, string> | string {
  const [algorithm, key] = [headers[ALGORITHM], headers[KEY]]
  if (bucket === 'ignores') return {}
  if (algorithm === undefined)
    return key !== undefined ? 'InvalidArgument' : bucket === 'asked only' ? 'AccessDenied' : {}
  if (algorithm === 'AES256') return key === undefined ? { [ALGORITHM]: algorithm } : 'InvalidArgument'
  if (algorithm !== 'aws:kms') return 'InvalidEncryptionAlgorithmError'
  const arn = key === undefined ? DEFAULT_KEY : KMS_KEYS[String(key)]
  return arn === undefined ? 'KMS.NotFoundException' : { [ALGORITHM]: 'aws:kms', [KEY]: arn }
}

/** True for a request that says something of encryption where AWS knows no such header. */
export const misplaced = (headers: IncomingHttpHeaders): boolean => ALGORITHM in headers || KEY in headers

/** An object under a key of the key service: its ETag, though it looks like one, is not the MD5 of what it holds. */
export function encrypted(object: StoredObject, headers: Record<string, string>): StoredObject {
  if (headers[ALGORITHM] !== 'aws:kms') return { ...object, headers }
  const { etag } = storedObject(`${headers[KEY]} ${object.etag}`)
  const parts = /-\d+"$/.exec(object.etag)?.[0] ?? '"'
  return { ...object, headers, etag: etag.replace(/"$/, parts) }
}
