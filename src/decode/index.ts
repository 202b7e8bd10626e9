export { Decoder } from './decoder.js'
export type { DecodeHooks, DecodeOptions, FileCounts } from './decoding.js'
export { QuarantineFile } from './quarantine-file.js'
