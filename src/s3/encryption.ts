import type { ServerSideEncryption } from '../domain/options.js'

/** What the protocol calls it, in requests that begin an upload and in answers about an object. */
export interface EncryptionFields {
  readonly ServerSideEncryption?: string | undefined
  readonly SSEKMSKeyId?: string | undefined
}

/** Fields of PutObject and CreateMultipartUpload that ask for encryption; none where the bucket's own default shall hold. */
export function encryptionFields(
  asked: ServerSideEncryption | undefined,
): Partial<{ ServerSideEncryption: ServerSideEncryption['algorithm']; SSEKMSKeyId: string }> {
  if (asked === undefined) return {}
  return {
    ServerSideEncryption: asked.algorithm,
    ...(asked.keyId === null ? {} : { SSEKMSKeyId: asked.keyId }),
  }
}

/**
 * Whether an answer says that an object is encrypted as asked. Its key is not compared: a store answers with the whole name
 * of what may have been asked for by an alias.
 */
export function isEncryptedAs(asked: ServerSideEncryption, { ServerSideEncryption }: EncryptionFields): boolean {
  return ServerSideEncryption === asked.algorithm
}
