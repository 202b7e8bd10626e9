export { INPUT_BYTES, Kernel, type Scanned } from './kernel.js'
