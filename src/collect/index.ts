export { collect } from './collect.js'
export { verify } from './verify.js'
