import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

const CASES: readonly [file: string, from: string, allowed: boolean][] = [
  ['src/domain/a.ts', './b.js', true],
  ['src/domain/a.ts', '../ledger/b.js', false],
  ['src/domain/a.ts', '../config/b.js', false],
  ['src/decode/a.ts', '../domain/b.js', true],
  ['src/decode/a.ts', './fields.js', true],
  ['src/decode/a.ts', 'node:fs', true],
  ['src/decode/a.ts', '../order/b.js', false],
  ['src/sources/a.ts', '../pipeline/index.js', false],
  ['src/order/a.ts', '../cli/b.js', false],
  ['src/ledger/a.ts', '../decode/b.js', false],
  ['src/config/a.ts', '../report/b.js', false],
  ['src/report/a.ts', '../config/b.js', false],
  ['src/report/a.test.ts', '../config/b.js', true],
  ['src/pipeline/a.ts', '../ledger/b.js', true],
  ['src/pipeline/a.ts', '../cli/b.js', false],
  ['src/pipeline/a.ts', '../report/b.js', false],
  ['src/sources/a.ts', '../domain/b.js', true],
  ['src/sources/a.ts', '../s3/b.js', true],
  ['src/sources/a.ts', '../collect/b.js', false],
  ['src/decode/a.ts', '../s3/b.js', false],
  ['src/s3/a.ts', '../domain/b.js', true],
  ['src/s3/a.ts', '../sources/b.js', false],
  ['src/s3/a.ts', '../collect/b.js', false],
  ['src/collect/a.ts', '../s3/b.js', true],
  ['src/backup/storage/a.ts', '../../s3/b.js', true],
  ['src/postgres/a.ts', '../domain/b.js', true],
  ['src/postgres/a.ts', '../backup/b.js', false],
  ['src/backup/postgres/a.ts', '../../postgres/b.js', true],
  ['src/bench/a.ts', '../pipeline/index.js', true],
  ['src/bench/a.ts', '../report/b.js', false],
  ['src/cli/commands/a.ts', '../../pipeline/index.js', true],
  ['src/cli/a.ts', '../report/b.js', true],
]

let folder: string
/** Import of a violating file → the reason the linter gives. */
const reported = new Map<number, string>()

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'layers-'))
  copyFileSync('biome.json', join(folder, 'biome.json'))
  for (const [i, [file, from]] of CASES.entries()) {
    const path = join(folder, file.replace('/a.', `/case-${i}.`))
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, `import { thing } from '${from}'\n\nthing()\n`)
  }
  let output: string
  try {
    output = execFileSync(
      join(process.cwd(), 'node_modules/.bin/biome'),
      ['lint', '--vcs-enabled=false', '--reporter=github', '--max-diagnostics=none', '.'],
      { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
    )
  } catch (error) {
    output = (error as { stdout: string }).stdout
  }
  for (const line of output.split('\n')) {
    const found = /noRestrictedImports.*case-(\d+)\..*?::(.*)/.exec(line)
    if (found) reported.set(Number(found[1]), found[2])
  }
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

test.each(CASES.map(([file, from, allowed], i) => ({ file, from, allowed, i })))(
  '$file importing $from: allowed $allowed',
  ({ allowed, i }) => {
    expect(reported.has(i)).toBe(!allowed)
    // The message says why, not only that.
    if (!allowed) expect(reported.get(i)).toMatch(/so (that|each)|neither/)
  },
)
