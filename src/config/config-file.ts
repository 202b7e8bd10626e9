import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Layer } from './layers.js'

const DEFAULT_CONFIG_FILE = 'obleth-ledger.yaml'
const LARGEST_BYTES = 1024 * 1024

/** The file layer, its path as the user knows it, and whether every user of the machine can read it. */
export interface ConfigFile extends Layer {
  readonly path: string | null
  readonly worldReadable: boolean
}

/**
 * Reads the file that was asked for, which then must exist, or `obleth-ledger.yaml` in the working directory, which need
 * not. Never throws: what is wrong comes back as problems.
 */
export async function readConfigFile(asked: string | undefined, cwd: string): Promise<ConfigFile> {
  const path = asked ?? DEFAULT_CONFIG_FILE
  const full = asked === undefined ? join(cwd, DEFAULT_CONFIG_FILE) : path
  const failed = (message: string): ConfigFile => {
    return { path, worldReadable: false, given: new Map(), problems: [{ at: path, message }] }
  }
  try {
    const stat = statSync(full)
    if (!stat.isFile()) return failed('is not a file')
    if (stat.size > LARGEST_BYTES) return failed('is larger than 1 MiB, which no config file is')
    const text = readFileSync(full, 'utf8')
    // Loaded only where there is a file: the YAML parser is a tenth of the command's start.
    const { parseConfig } = await import('./config-yaml.js')
    return { path, worldReadable: (stat.mode & 0o004) !== 0, ...parseConfig(text, path) }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    if (asked === undefined && code === 'ENOENT') {
      return { path: null, worldReadable: false, given: new Map(), problems: [] }
    }
    return failed(code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`)
  }
}
