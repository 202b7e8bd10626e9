import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Client } from 'pg'

const NAME = '("(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)'
/** A statement of pg_dumpall about one role; settings for one database are left out, which may have another name here. */
const OF_ROLE = new RegExp(`^(?:CREATE|ALTER) ROLE ${NAME}(?: (?!IN DATABASE).*)?;$`)
/** The grantor may be missing here: whoever restores takes its place. */
const MEMBERSHIP = new RegExp(`^(GRANT ${NAME} TO ${NAME}.*?)(?: GRANTED BY ${NAME})?;$`)

/** Roles of a server, and who is a member of whom. */
export interface Roles {
  /** Statements that make each. */
  readonly byName: ReadonlyMap<string, readonly string[]>
  readonly memberships: readonly { readonly role: string; readonly member: string; readonly sql: string }[]
}

/**
 * Reads the roles from what pg_dumpall wrote, and nothing else of it: no tablespaces, no commands of psql, which could run
 * programs.
 */
export async function readRoles(file: string): Promise<Roles> {
  const byName = new Map<string, string[]>()
  const memberships: Roles['memberships'][number][] = []
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    const name = OF_ROLE.exec(line)?.[1]
    if (name !== undefined) byName.set(bare(name), [...(byName.get(bare(name)) ?? []), line])
    const grant = MEMBERSHIP.exec(line)
    if (grant !== null) memberships.push({ sql: grant[1], role: bare(grant[2]), member: bare(grant[3]) })
  }
  return { byName, memberships }
}

const bare = (name: string) => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name)

/** The roles of these names and those that belong together with them: groups that they are in, and who logs in to use them. */
export function withRelated(names: readonly string[], { memberships }: Roles): ReadonlySet<string> {
  const related = new Set(names)
  for (let before = -1; before !== related.size; ) {
    before = related.size
    for (const { role, member } of memberships)
      if (related.has(role) || related.has(member)) related.add(role).add(member)
  }
  return related
}

/**
 * Makes the roles of these names that the server lacks, all or none; those that it has stay as they are.
 *
 * @returns the roles that were made
 */
export async function createRoles(client: Client, names: ReadonlySet<string>, roles: Roles): Promise<string[]> {
  const existing = await rolesOf(client)
  const created = [...names].filter((name) => !existing.has(name) && roles.byName.has(name))
  const there = new Set([...existing, ...created])
  const isNew = new Set(created)
  const statements = [
    ...created.flatMap((name) => roles.byName.get(name) ?? []),
    ...roles.memberships
      .filter(({ role, member }) => there.has(role) && there.has(member) && (isNew.has(role) || isNew.has(member)))
      .map(({ sql }) => sql),
  ]
  await client.query('BEGIN')
  // The extended protocol takes one statement at a time, so that a line cannot hold another one.
  for (const text of statements) await client.query({ text, queryMode: 'extended' } as { text: string })
  await client.query('COMMIT')
  return created
}

/** Takes back roles that were made for a restore that failed. */
export async function dropRoles(client: Client, names: readonly string[]): Promise<void> {
  for (const name of names) await client.query(`DROP ROLE IF EXISTS "${name.replaceAll('"', '""')}"`)
}

export async function rolesOf(client: Client): Promise<ReadonlySet<string>> {
  const { rows } = await client.query('SELECT rolname::text AS name FROM pg_catalog.pg_roles')
  return new Set(rows.map(({ name }) => name as string))
}
