import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** @param {string} tree @returns {string[]} paths of its WAL files, in order */
export function treeFiles(tree) {
  return readdirSync(tree, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(wal|jsonl)$/.test(name))
    .sort()
    .map((name) => join(tree, name))
}
