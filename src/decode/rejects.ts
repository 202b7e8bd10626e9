import { createHash, type Hash } from 'node:crypto'
import type { QuarantineEntry, QuarantineReason, WalFile } from '../domain/wal.js'

/** So much of a stretch is kept in its entry; its hash is of all of it. */
const KEPT_BYTES = 1 << 20

/** Makes quarantine entries for stretches of one file, whole or as they stream by. */
export class Rejects {
  constructor(
    private readonly file: WalFile,
    private readonly quarantine: (entry: QuarantineEntry) => void,
  ) {}

  whole(bytes: Uint8Array, line: number, byteOffset: number, reason: QuarantineReason, detail: string): void {
    const stretch = this.begin(line, byteOffset)
    stretch.add(bytes)
    stretch.end(reason, detail)
  }

  begin(line: number, byteOffset: number): RejectedStretch {
    return new RejectedStretch(line, byteOffset, ({ reason, detail, length, sha256, bytes }) =>
      this.quarantine({
        pod: this.file.pod,
        path: this.file.path,
        line,
        byteOffset,
        length,
        sha256,
        reason,
        detail,
        bytes,
      }),
    )
  }
}

type Finished = Pick<QuarantineEntry, 'reason' | 'detail' | 'length' | 'sha256' | 'bytes'>

/** A stretch that is being rejected piece by piece. */
export class RejectedStretch {
  length = 0
  private readonly hash: Hash = createHash('sha256')
  private readonly kept: Buffer[] = []
  private keptBytes = 0

  constructor(
    readonly line: number,
    readonly byteOffset: number,
    private readonly finish: (stretch: Finished) => void,
  ) {}

  add(bytes: Uint8Array): void {
    this.hash.update(bytes)
    this.length += bytes.length
    if (this.keptBytes >= KEPT_BYTES) return
    const part = Buffer.from(bytes.subarray(0, KEPT_BYTES - this.keptBytes))
    this.kept.push(part)
    this.keptBytes += part.length
  }

  end(reason: QuarantineReason, detail: string): void {
    const bytes = Buffer.concat(this.kept).toString('base64')
    this.finish({ reason, detail, length: this.length, sha256: this.hash.digest('hex'), bytes })
  }
}
