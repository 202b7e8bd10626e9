#!/usr/bin/env node
import { readFileSync, writeFileSync } from 'node:fs'
import { treeFiles } from './tree-files.js'

// json-parse.js <tree> <result>: cuts files into lines and parses each, counts and adds up; nothing else.

const LF = 10
const [tree, result] = process.argv.slice(2)
let records = 0
let inputTokens = 0
for (const file of treeFiles(tree)) {
  const bytes = readFileSync(file)
  let start = 0
  // A string for each line, not one for the file: a single character beyond Latin-1 would make all of it two bytes wide.
  for (let end = bytes.indexOf(LF); end >= 0; end = bytes.indexOf(LF, start)) {
    if (end > start) {
      const record = JSON.parse(bytes.toString('utf8', start, end))
      records++
      inputTokens += record.input_tokens
    }
    start = end + 1
  }
}
writeFileSync(result, JSON.stringify({ records, inputTokens }))
