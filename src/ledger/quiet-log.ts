import { ClickHouseLogLevel } from '@clickhouse/client'

/** The client's own logger prints statements and settings to stderr; errors reach the user as LedgerErrors alone. */
export const quietLog = { level: ClickHouseLogLevel.OFF }
