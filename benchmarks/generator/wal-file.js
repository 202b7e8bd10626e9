/** @import { Generation } from './line.js' */
/** @import { UsageRecord } from './record.js' */
/** @import { Tally } from './tally.js' */
import { createHash } from 'node:crypto'
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * A record and the line that holds it.
 * @typedef {object} WrittenRecord
 * @property {UsageRecord} record as a reader gets it: fields that the line lacks hold their defaults
 * @property {string} line without its end
 * @property {Generation} generation
 * @property {boolean} [repaired] a float is written as null
 */

const BUFFER_BYTES = 1 << 16

/** A WAL file while it is written, telling the tally what each line holds. */
export class WalFile {
  /** Bytes so far. */
  bytes = 0
  /** Line ends so far. */
  #ends = 0
  #buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  #used = 0
  #fd
  #path

  /**
   * @param {string} root directory of the tree
   * @param {string} pod
   * @param {string} name path below the pod's directory
   * @param {Tally} tally
   */
  constructor(root, pod, name, tally) {
    this.pod = pod
    this.path = `${pod}/${name}`
    this.#path = join(root, pod, name)
    this.tally = tally
    mkdirSync(dirname(this.#path), { recursive: true })
    this.#fd = openSync(this.#path, 'w')
    tally.pods.add(pod)
    tally.files++
  }

  /** A line with a record. @param {WrittenRecord} written @param {boolean} [copy] the same record stands elsewhere too */
  record(written, copy = false) {
    this.#text(written.line)
    this.#end()
    this.tally.lines.withRecords++
    this.tally.record(written, copy)
  }

  /** What stands behind each batch. */
  blank() {
    this.#end()
    this.tally.lines.blank++
  }

  /** A line without a record. @param {Buffer} bytes without its end @param {string} reason */
  rejected(bytes, reason) {
    this.#reject(bytes, reason)
    this.#end()
    this.tally.lines.quarantined++
  }

  /**
   * A line that holds bytes of no use and then a record: a process died within a line, or the machine lost power, and
   * the next process went on right behind.
   * @param {Buffer} bytes @param {string} reason @param {WrittenRecord} written @param {boolean} [copy]
   */
  recordBehind(bytes, reason, written, copy = false) {
    this.#reject(bytes, reason)
    this.tally.records.salvaged++
    this.record(written, copy)
  }

  /** The beginning of a record at the end of the file. Nothing can follow. @param {Buffer} bytes */
  tornTail(bytes) {
    this.#reject(bytes, 'truncated_tail')
    this.tally.lines.read++
    this.tally.lines.tornTails++
  }

  /**
   * Puts it on disk. @param {number | string} [checkpoint] content of its `.offset` file, where it has one
   */
  close(checkpoint) {
    this.#flush()
    closeSync(this.#fd)
    this.tally.bytes += this.bytes
    if (checkpoint !== undefined) writeFileSync(`${this.#path}.offset`, String(checkpoint))
  }

  /** @param {Buffer} bytes @param {string} reason */
  #reject(bytes, reason) {
    this.tally.rejected.push({
      pod: this.pod,
      path: this.path,
      line: this.#ends + 1,
      byteOffset: this.bytes,
      length: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      reason,
    })
    this.#flush()
    writeSync(this.#fd, bytes)
    this.bytes += bytes.length
  }

  #end() {
    this.#text('\n')
    this.#ends++
    this.tally.lines.read++
  }

  /** @param {string} text */
  #text(text) {
    // A UTF-16 unit takes three bytes of UTF-8 at most.
    if (this.#used + text.length * 3 > this.#buffer.length) this.#flush(text.length * 3)
    const length = this.#buffer.write(text, this.#used)
    this.#used += length
    this.bytes += length
  }

  #flush(need = 0) {
    writeSync(this.#fd, this.#buffer, 0, this.#used)
    this.#used = 0
    if (need > this.#buffer.length) this.#buffer = Buffer.allocUnsafe(need)
  }
}
