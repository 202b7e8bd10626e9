export { type Discovery, discover } from './discover.js'
export { absoluteSource, isLocal, whereabouts } from './places.js'
export { readFiles } from './read.js'
