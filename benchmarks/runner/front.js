import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const FRONT = fileURLToPath(new URL('../../test/support/server/front.js', import.meta.url))
export const USER = 'bench'
export const PASSWORD = 'bench-only'

/**
 * Starts the test server in a directory, lends its URL and stops it.
 * @template T
 * @param {string} directory
 * @param {(url: string) => Promise<T> | T} use
 * @returns {Promise<T>}
 */
export async function withFront(directory, use) {
  const options = { dir: join(directory, 'server'), user: USER, password: PASSWORD, port: 0 }
  const server = spawn(process.execPath, [FRONT, JSON.stringify(options)], {
    env: { ...process.env, TZ: 'UTC' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  try {
    const [line] = await once(createInterface(server.stdout), 'line')
    return await use(`http://127.0.0.1:${JSON.parse(line).port}`)
  } finally {
    server.kill()
    await once(server, 'exit')
  }
}
