import { LedgerError } from '../../domain/errors.js'
import { printable } from '../../domain/printable.js'
import { isPlainName } from './aof-manifest.js'

/** What a server calls its files, all in its data directory. */
export interface FileNames {
  /** `dbfilename`: the snapshot that it loads where `appendonly` is off. */
  readonly rdb: string
  /** `appenddirname`: folder of the AOF. */
  readonly aofFolder: string
  /** `appendfilename`: what the names of the AOF's files begin with. */
  readonly aof: string
}

const USUAL: FileNames = { rdb: 'dump.rdb', aofFolder: 'appendonlydir', aof: 'appendonly.aof' }

/**
 * The names of a server that calls them otherwise than usual. They come from a server or from a manifest.
 *
 * @throws LedgerError `refused` where one is more than a plain name
 */
export function fileNames(get: (setting: string) => unknown): FileNames {
  const name = (setting: string, usual: string) => {
    const given = get(setting)
    if (given === undefined || given === null || given === '') return usual
    if (typeof given === 'string' && isPlainName(given)) return given
    throw new LedgerError('refused', `${setting} is no plain file name: ${printable(String(given))}`, {
      hint: `give the server a ${setting} of letters, digits, dots and hyphens`,
    })
  }
  return {
    rdb: name('dbfilename', USUAL.rdb),
    aofFolder: name('appenddirname', USUAL.aofFolder),
    aof: name('appendfilename', USUAL.aof),
  }
}

/** Where the files lie in a backup, whatever the server calls them. */
export const RDB_FILE = 'dump.rdb'
export const AOF_FOLDER = 'appendonlydir'
export const AOF_MANIFEST = `${AOF_FOLDER}/manifest`
