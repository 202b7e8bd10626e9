import { Temporal } from 'temporal-polyfill'

/** Moments are unix microseconds, which is what Postgres knows; a number would lose some of them. */
const at = (us: bigint) => Temporal.Instant.fromEpochNanoseconds(us * 1000n)
const MICROSECONDS = { smallestUnit: 'microsecond' } as const

/** `2026-11-30T02:01:40.660607Z`. */
export const inUtc = (us: bigint): string => at(us).toString(MICROSECONDS)

/** The moment on the clocks of a zone, with its offset: `2026-11-30T03:01:40.660607+01:00`. */
export const inZone = (us: bigint, timeZone: string): string => at(us).toString({ ...MICROSECONDS, timeZone })

/** As Postgres and pgBackRest read it, which does not know the `T` and the `Z`: `2026-11-30 02:01:40.660607+00`. */
export const forPostgres = (us: bigint): string => inUtc(us).replace('T', ' ').replace('Z', '+00')

/** Unix µs from RFC 3339. */
export const microsecondsOf = (rfc3339: string): bigint => Temporal.Instant.from(rfc3339).epochNanoseconds / 1000n

/** The zone of this machine. */
export const localZone = (): string => Temporal.Now.timeZoneId()
