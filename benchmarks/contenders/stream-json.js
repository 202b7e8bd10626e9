#!/usr/bin/env node
import { createReadStream, writeFileSync } from 'node:fs'
import { byStreamJson } from './lines.js'
import { treeFiles } from './tree-files.js'

// stream-json.js <tree> <result>: the same with stream-json's JSONL parser.

const [tree, result] = process.argv.slice(2)
let records = 0
let inputTokens = 0
for (const file of treeFiles(tree)) {
  for await (const record of byStreamJson(createReadStream(file))) {
    records++
    inputTokens += record.input_tokens
  }
}
writeFileSync(result, JSON.stringify({ records, inputTokens }))
