#!/usr/bin/env node
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeOutage } from './outage-story.js'

// Writes samples/outage anew; with --check it only says whether what is there is what it would write.

const OUTAGE = fileURLToPath(new URL('./outage', import.meta.url))
const MADE = ['pods', 'earlier-ledger', 'expected.json']

if (process.argv.includes('--check')) check()
else {
  for (const name of MADE) rmSync(join(OUTAGE, name), { recursive: true, force: true })
  writeOutage(OUTAGE)
}

function check() {
  const fresh = mkdtempSync(join(tmpdir(), 'outage-'))
  try {
    writeOutage(fresh)
    const [there, made] = [filesOf(OUTAGE), filesOf(fresh)]
    const differing = [...new Set([...there, ...made])].filter((name) => {
      if (!there.includes(name) || !made.includes(name)) return true
      return !readFileSync(join(OUTAGE, name)).equals(readFileSync(join(fresh, name)))
    })
    for (const name of differing) process.stderr.write(`samples/outage/${name} is not what the generator writes\n`)
    if (differing.length > 0) process.exitCode = 1
    else process.stdout.write(`samples/outage: ${made.length} files as the generator writes them\n`)
  } finally {
    rmSync(fresh, { recursive: true })
  }
}

/** @param {string} root @returns {string[]} made files below it */
function filesOf(root) {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => MADE.includes(name.split('/')[0]) && statSync(join(root, name)).isFile())
    .sort()
}
