import { literal } from '../ledger/identifiers.js'

/** A further condition of a WHERE that keeps rows of these tenants; nothing where all are wanted. */
export const andOfTenants = (tenants: readonly string[]): string =>
  tenants.length === 0 ? '' : ` AND tenant_id IN (${tenants.map(literal).join(', ')})`
