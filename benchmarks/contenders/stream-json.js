#!/usr/bin/env node
import { createReadStream, writeFileSync } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { parser } from 'stream-json/jsonl/parser.js'
import { treeFiles } from './tree-files.js'

// stream-json.js <tree> <result>: the same with stream-json's JSONL parser.

const [tree, result] = process.argv.slice(2)
let records = 0
let inputTokens = 0
for (const file of treeFiles(tree)) {
  await pipeline(createReadStream(file), parser.asStream(), async (items) => {
    for await (const { value } of items) {
      records++
      inputTokens += value.input_tokens
    }
  })
}
writeFileSync(result, JSON.stringify({ records, inputTokens }))
