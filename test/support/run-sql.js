// Runs SQL statements on an embedded ledger in a process of its own: node run-sql.js <dir> <file with a JSON array of statements>.
// Prints a JSON array with the rows of each. A test process cannot do this itself: chDB holds one directory per process.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

process.env.TZ = 'UTC'
const { Session } = createRequire(import.meta.url)('chdb')
const [dir, file] = process.argv.slice(2)
const session = new Session(dir)
const answers = []
for (const statement of JSON.parse(readFileSync(file, 'utf8'))) {
  const reads = /^\s*(SELECT|SHOW|DESCRIBE)/i.test(statement)
  const settings = ' SETTINGS output_format_json_quote_64bit_integers = 1'
  const text = session.query(reads ? `${statement} FORMAT JSONEachRow${settings}` : statement, 'JSONEachRow')
  answers.push(
    reads
      ? text
          .trim()
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line))
      : [],
  )
}
process.stdout.write(JSON.stringify(answers))
session.close()
