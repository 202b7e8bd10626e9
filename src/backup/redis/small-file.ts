import { open } from 'node:fs/promises'

const MOST_BYTES = 2 << 20

/** Text of a file that ought to be short: its first two mebibytes, whatever there is. */
export async function readSmall(file: string): Promise<string> {
  const handle = await open(file, 'r')
  try {
    const { size } = await handle.stat()
    const length = Math.min(size, MOST_BYTES)
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, 0)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await handle.close()
  }
}
