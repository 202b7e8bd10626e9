import type { CommandName } from '../config/command-names.js'

/** What the help of a command says beside its options. */
interface Advice {
  /** A command line, and what it does. */
  readonly examples: [string, string][]
  readonly text: string
}

const COLLECT: Advice = {
  examples: [
    ['$0 collect ./pods --to ./bundle', 'folders that hold the WAL of pods, at any depth'],
    ['$0 collect ./pods --to s3://usage-backup/outage --limit-rate 10MiB', 'into a bucket, sparing the network'],
    [
      '$0 collect ./pods --to s3://b/x --s3-endpoint http://minio:9000 --s3-path-style',
      'into a store beside AWS; add --s3-checksums required if it refuses uploads',
    ],
    ['$0 collect --verify --to ./bundle', 'prove that the copy is whole: reads every byte'],
    ['$0 replay ./bundle', 'rebuild the ledger from it'],
  ],
  text:
    'In an outage: collect first, while the pods still have their disks; nothing is changed or removed at the source. What is ' +
    'interrupted goes on with the same command, which may be repeated at any time: it adds what is new. Several sources may be ' +
    'named at once, or one after another into the same bundle. Where pods are named as running, stop them or let them drain, so ' +
    'that their files stand still, and collect once more. Then verify, then replay.\n\n' +
    'Exit codes: 0 all copied; 3 copied, but some files not whole (named); 4 --verify found differences; 5 refused, nothing was ' +
    'overwritten; 10 no WAL or no bucket there; 11 another collect is writing; 12 access denied; 13 store not reachable.',
}

export const ADVICE: Partial<Record<CommandName, Advice>> = { collect: COLLECT }
