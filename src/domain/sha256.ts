import { createHash } from 'node:crypto'

/** SHA-256, hex, of a content, or of its first bytes. Throws what reading throws. */
export async function sha256Of(content: AsyncIterable<Uint8Array>, bytes = Number.POSITIVE_INFINITY): Promise<string> {
  const hash = createHash('sha256')
  let left = bytes
  if (left > 0)
    for await (const chunk of content) {
      hash.update(chunk.length > left ? chunk.subarray(0, left) : chunk)
      left -= chunk.length
      if (left <= 0) break
    }
  return hash.digest('hex')
}
