/** Rewriting of statements for chDB: settings go into the statement, since what is set on its session stays in force. */

const literal = (text) => `'${String(text).replace(/[\\']/g, (c) => `\\${c}`)}'`
const pairs = (settings) =>
  settings.map(([name, value]) => `${name} = ${/^\d+$/.test(value) ? value : literal(value)}`).join(', ')

/**
 * The statement with these settings in its SETTINGS clause, behind a FORMAT where there is one.
 * @param {string} sql
 * @param {[string, string][]} settings
 */
export function withSettings(sql, settings) {
  if (settings.length === 0) return sql
  // What has no rows to answer has no use for how they are written.
  if (settings.every(([name]) => name.startsWith('output_format_')) && !/^\s*(SELECT|WITH)\b/i.test(sql)) return sql
  if (!/^\s*(SELECT|WITH|SHOW|DESCRIBE|EXISTS)\b/i.test(sql))
    throw new Error('Code: 48. DB::Exception: the front takes no settings beside this statement. (NOT_IMPLEMENTED)')
  const joint = /(?<![.\w])SETTINGS\s+\w+\s*=[\w\s=',.]+$/i.test(sql) ? ', ' : '\nSETTINGS '
  return `${sql}${joint}${pairs(settings)}`
}

/**
 * `INSERT INTO t (a, b) SETTINGS … FORMAT F` as an INSERT from a file in that format, with the columns' types as the
 * table declares them, which is how a server reads a body.
 * @param {string} query
 * @param {string} file
 * @param {[string, string][]} settings
 * @param {(table: string) => Promise<{ name: string, type: string, default_type: string }[]>} describe
 */
export async function insertFromFile(query, file, settings, describe) {
  const match =
    /^\s*INSERT\s+INTO\s+(?:TABLE\s+)?(?<table>[^\s(]+)\s*(?:\((?<columns>[^)]*)\))?\s*(?:SETTINGS\s+(?<own>.*?))?\s*\bFORMAT\s+(?<format>\w+)\s*$/is.exec(
      query,
    )
  if (match === null)
    throw new Error('Code: 62. DB::Exception: the front does not understand this INSERT. (SYNTAX_ERROR)')
  const { table, columns, own, format } = match.groups
  const declared = await describe(table)
  const names =
    columns === undefined
      ? declared.filter(({ default_type }) => default_type === '' || default_type === 'DEFAULT').map(({ name }) => name)
      : columns.split(',').map((name) => name.trim().replaceAll('`', ''))
  const structure = names.map((name) => {
    const column = declared.find((candidate) => candidate.name === name)
    if (column === undefined)
      throw new Error(`Code: 16. DB::Exception: No such column ${name} in table ${table}. (NO_SUCH_COLUMN_IN_TABLE)`)
    return `\`${name}\` ${column.type}`
  })
  const list = names.map((name) => `\`${name}\``).join(', ')
  const clause = [own, pairs(settings), 'max_threads = 1', "deduplicate_insert_select = 'enable_even_for_bad_queries'"]
    .filter(Boolean)
    .join(', ')
  return `INSERT INTO ${table} (${list}) SETTINGS ${clause} SELECT ${list} FROM file(${literal(file)}, ${literal(format)}, ${literal(structure.join(', '))}, 'none')`
}
