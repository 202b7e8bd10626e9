export { inspect } from './inspect.js'
export { query } from './query.js'
export { replay } from './replay.js'
export { runsDiscard, runsList, runsShow, runsUndo } from './runs.js'
