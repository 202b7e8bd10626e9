/** What the core tells while it works; printers for people and for programs implement one interface over it. */
export type LedgerEvent =
  | { readonly type: 'stage_started'; readonly stage: StageName; readonly message: string }
  | {
      readonly type: 'progress'
      readonly stage: StageName
      readonly doneBytes: number
      /** Null where the total is not known beforehand. */
      readonly totalBytes: number | null
      /** Null where records are not what is counted. */
      readonly records: number | null
    }
  | { readonly type: 'stage_finished'; readonly stage: StageName; readonly ms: number; readonly message: string }
  | { readonly type: 'notice'; readonly message: string }

export type StageName = 'sources' | 'collect' | 'decode' | 'stage' | 'verify' | 'publish'

export type Emit = (event: LedgerEvent) => void
