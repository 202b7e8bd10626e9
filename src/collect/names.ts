/** Names in a bundle's folder; the sources stage knows them, too. */
export const OWN_NAMES = 'obleth-ledger-bundle.'
export const MANIFEST = `${OWN_NAMES}json`
export const JOURNAL = `${OWN_NAMES}partial`
export const LOCK = `${OWN_NAMES}lock`
/** A file whose place is not settled yet. */
export const TEMPORARY = `${OWN_NAMES}tmp`

export const RUN_AGAIN = 'free some space, then run the same command again: what has been copied is not copied again'
