import { readFileSync } from 'node:fs'

/**
 * What ClickHouse asks of a user for the statements that this tool sends, as its documentation says it (GRANT) and its
 * interpreters check it. Rights are texts like `SELECT ON obleth.usage`; the tables of runs count as `obleth.usage_replay_*`.
 */
const PATTERNS: readonly (readonly [pattern: RegExp, rights: (name: string, to: string) => readonly string[]])[] = [
  [/^CREATE DATABASE (?:IF NOT EXISTS )?(\S+)/, (name) => [`CREATE DATABASE ON ${name}.*`]],
  [
    /^CREATE MATERIALIZED VIEW IF NOT EXISTS (\S+) TO (\S+) AS/,
    (name, to) => [`CREATE VIEW ON ${name}`, `SELECT ON ${to}`, `INSERT ON ${to}`],
  ],
  [/^CREATE TABLE (?:IF NOT EXISTS )?(\S+)/, (name) => [`CREATE TABLE ON ${name}`]],
  [/^DROP DATABASE IF EXISTS (\S+)/, (name) => [`DROP DATABASE ON ${name}.*`]],
  [/^DROP TABLE IF EXISTS (\S+_mv) /, (name) => [`DROP VIEW ON ${name}`]],
  [/^DROP TABLE IF EXISTS (\S+)/, (name) => [`DROP TABLE ON ${name}`]],
  [
    /^ALTER TABLE (\S+) MOVE PARTITION ID \S+ TO TABLE (\S+)/,
    (name, to) => [`ALTER MOVE PARTITION ON ${name}`, `INSERT ON ${to}`],
  ],
  [/^ALTER TABLE (\S+) (?:DELETE|DROP PART)/, (name) => [`ALTER DELETE ON ${name}`]],
  [/^ALTER TABLE (\S+) REMOVE TTL/, (name) => [`ALTER TTL ON ${name}`]],
  [/^ALTER TABLE (\S+) MODIFY SETTING/, (name) => [`ALTER SETTINGS ON ${name}`]],
  [/^ALTER TABLE (\S+) ADD COLUMN/, (name) => [`ALTER ADD COLUMN ON ${name}`]],
  [/^OPTIMIZE TABLE (\S+)/, (name) => [`OPTIMIZE ON ${name}`]],
  [/^INSERT INTO (\S+)/, (name) => [`INSERT ON ${name}`]],
  [/^(?:SELECT|WITH)\b/, () => []],
]

/** Readable by everybody; what they show is cut to what the user may see. */
const OPEN = ['system.settings', 'system.databases', 'system.tables', 'system.columns', 'system.one']
/** Of these, `SHOW TABLES` shows all rows of the ledger. */
const SHOWN = ['system.tables', 'system.columns', 'system.parts', 'system.mutations']

/** The rights that a statement needs. Throws where it is of no known kind: its rights are not documented then. */
export function requiredRights(sql: string): string[] {
  const plain = sql.replaceAll('`', '').replace(/'(?:[^'\\]|\\.)*'/g, "''")
  const statement = plain.replace(/\s+/g, ' ').trim()
  const kind = PATTERNS.find(([pattern]) => pattern.test(statement))
  if (kind === undefined) throw new Error(`of what rights is this in need? ${statement.slice(0, 200)}`)
  const [, name = '', to = ''] = kind[0].exec(statement) ?? []
  const rights = kind[1](shared(name), shared(to))
  const read = [...statement.matchAll(/\b(?:FROM|JOIN|IN|AS) ((?:obleth|system)\.\w+)/g)].map((found) => found[1])
  const selects = read.filter((table) => !OPEN.includes(table)).map((table) => `SELECT ON ${shared(table)}`)
  const shows = read.some((table) => SHOWN.includes(table)) ? ['SHOW TABLES ON obleth.*'] : []
  return [...new Set([...rights, ...selects, ...shows])]
}

const shared = (table: string) => table.replace(/^obleth\.usage_replay_\w+$/, 'obleth.usage_replay_*')

/** The rights that `docs/rights.md` lists under its headings, in their order. */
export function documentedRights(): { heading: string; rights: string[] }[] {
  const page = readFileSync('docs/rights.md', 'utf8')
  return page
    .split(/^## /m)
    .slice(1)
    .map((section) => ({
      heading: section.split('\n', 1)[0],
      rights: [...section.matchAll(/^GRANT (.+) ON (\S+) TO ledger;$/gm)].flatMap(([, privileges, object]) =>
        privileges.split(', ').map((privilege) => `${privilege} ON ${object}`),
      ),
    }))
    .filter(({ rights }) => rights.length > 0)
}
