export { type Discovery, discover } from './discover.js'
export { readFiles } from './read.js'
