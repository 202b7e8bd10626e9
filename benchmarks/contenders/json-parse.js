#!/usr/bin/env node
import { readFileSync, writeFileSync } from 'node:fs'
import { byJsonParse } from './lines.js'
import { treeFiles } from './tree-files.js'

// json-parse.js <tree> <result>: cuts files into lines and parses each, counts and adds up; nothing else.

const [tree, result] = process.argv.slice(2)
let records = 0
let inputTokens = 0
for (const file of treeFiles(tree)) {
  for (const record of byJsonParse(readFileSync(file))) {
    records++
    inputTokens += record.input_tokens
  }
}
writeFileSync(result, JSON.stringify({ records, inputTokens }))
