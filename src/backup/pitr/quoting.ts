/** A value of postgresql.conf, in which backslashes escape too. */
export function postgresValue(value: string | number): string {
  return typeof value === 'number' ? String(value) : `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
}

/** A connection string of libpq: `host=/run/postgresql port=5432 user=barman`. */
export function connectionString(parameters: Readonly<Record<string, string | number>>): string {
  const quoted = (value: string) =>
    /^[\w./@-]+$/.test(value) ? value : `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
  return Object.entries(parameters)
    .map(([name, value]) => `${name}=${quoted(String(value))}`)
    .join(' ')
}
