export { type DecodeHooks, type DecodeOptions, Decoder, type FileCounts } from './decoder.js'
export { QuarantineFile } from './quarantine-file.js'
