/** The stages whose inner loops benchmarks measure by themselves, as built. */
export { Decoder } from '../decode/index.js'
export { Orderer } from '../order/index.js'
