import { z } from 'zod'
import type { TenantName } from '../domain/bill.js'
import { LedgerError } from '../domain/errors.js'
import { jsonHead, jsonItems } from './json-items.js'

/** Names of tenants and keys, by id. */
export interface Names {
  readonly tenants: ReadonlyMap<string, TenantName>
  readonly keys: ReadonlyMap<string, string>
}

export const NO_NAMES: Names = { tenants: new Map(), keys: new Map() }

const HEAD = z.object({ format: z.literal('obleth-config-backup'), version: z.literal(1) })

const optional = z.string().nullish()

/** A tenant as the backup and obleth's table hold it. */
export const TENANT = z.object({ id: z.guid(), name: optional, organization: optional, contact_email: optional })
export const KEY = z.object({ id: z.guid(), name: optional })

export const tenantName = ({ id, name, organization, contact_email }: z.infer<typeof TENANT>): TenantName => ({
  id: id.toLowerCase(),
  name: name ?? null,
  organization: organization ?? null,
  contactEmail: contact_email ?? null,
})

/**
 * Reads the names from the document that the gateway's backup export returns, without loading it.
 *
 * @throws LedgerError `source_not_found`, or `usage` where it is no such document
 */
export async function namesFromBackup(file: string): Promise<Names> {
  if (!HEAD.safeParse(await jsonHead(file, 'data')).success) throw notABackup(file)
  const tenants = new Map<string, TenantName>()
  for await (const item of jsonItems(file, 'data.tenants')) {
    const tenant = tenantName(checked(TENANT, item, file))
    tenants.set(tenant.id, tenant)
  }
  const keys = new Map<string, string>()
  for await (const item of jsonItems(file, 'data.api_keys')) {
    const { id, name } = checked(KEY, item, file)
    if (name) keys.set(id.toLowerCase(), name)
  }
  return { tenants, keys }
}

function checked<T>(schema: z.ZodType<T>, item: unknown, file: string): T {
  const read = schema.safeParse(item)
  if (!read.success) throw notABackup(file)
  return read.data
}

function notABackup(place: string): LedgerError {
  return new LedgerError('usage', 'this is no config backup of obleth, version 1', {
    place,
    hint: "--config-backup takes the JSON document that the gateway's backup export returns",
  })
}
