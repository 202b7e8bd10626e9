import { execFileSync, spawnSync } from 'node:child_process'

/** Why nothing can be packed with zstd here, or null. With CI=true that is an error. */
export const noZstd: string | null = (() => {
  if (spawnSync('zstd', ['--version']).status === 0) return null
  if (process.env.CI === 'true') throw new Error('zstd is missing: install it (Debian package zstd)')
  return 'zstd is missing: install it (Debian package zstd)'
})()

/** Packed by the program `zstd` in one frame. */
export function zstdOf(content: Uint8Array, ...options: string[]): Buffer {
  return execFileSync('zstd', ['-cq', ...options], { input: content, maxBuffer: 2 ** 30 })
}
