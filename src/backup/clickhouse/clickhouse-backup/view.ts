import { identifier } from '../../../ledger/identifiers.js'

/**
 * The statement of the ledger's view, for another database: as the engine writes it, with each of the three tables behind the
 * name of its database. That nothing else was meant is proven by a row that is sent through the view.
 *
 * @param statement `create_table_query` of usage_daily_mv in `from`
 */
export function viewIn(statement: string, from: string, into: string): string {
  const tables = new RegExp(`(?<![\\w.\`'])\`?${from}\`?\\.(?=\`?usage(_daily|_daily_mv)?\\b)`, 'g')
  return statement.replace(tables, `${identifier(into)}.`)
}
