import { workerData } from 'node:worker_threads'
import { DEFAULTS, type TreeOptions, writeTree } from './generator/index.js'

const { root, options } = workerData as { root: string; options: Pick<TreeOptions, 'records' | 'seed'> }
writeTree(root, { ...DEFAULTS, ...options })
