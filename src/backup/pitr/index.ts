export { checkPitr } from './check.js'
export { renderPitr } from './render.js'
export { planPitrRestore, runPitrRestore } from './restore.js'
export { writeRendered } from './write-files.js'
