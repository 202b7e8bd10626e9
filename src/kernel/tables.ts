import { FIELDS } from '../domain/record.js'
import type { KernelExports } from './exports.js'

/** Of a literal in the kernel's memory: two vectors of text, two of masks. */
const LITERAL_BYTES = 64
const MASK_AT = 32
/** 5 to this power still fits into 64 bits. */
const LAST_ROUNDED_UP = 27n

/** The text that serde_json writes in front of each field's value. */
export function writeLiterals({ memory, LITERALS, LENGTHS }: KernelExports): void {
  const bytes = new Uint8Array(memory.buffer)
  const lengths = new Uint32Array(memory.buffer, LENGTHS.value, FIELDS.length)
  FIELDS.forEach(({ name, kind }, index) => {
    const before = index === 0 ? '{' : FIELDS[index - 1].kind === 'uuid' ? '",' : ','
    const quote = kind === 'uuid' || kind === 'string' ? '"' : ''
    const literal = Buffer.from(`${before}"${name}":${quote}`)
    const at = LITERALS.value + index * LITERAL_BYTES
    bytes.set(literal, at)
    bytes.fill(255, at + MASK_AT, at + MASK_AT + literal.length)
    lengths[index] = literal.length
  })
}

/**
 * The upper 128 bits of 5^power for each power; those of negative powers are rounded up as long as a tie can come of them,
 * as the algorithm of Eisel and Lemire wants it.
 */
export function writeFives({ memory, FIVES, LEAST_POWER, MOST_POWER }: KernelExports): void {
  const view = new DataView(memory.buffer)
  let at = FIVES.value
  for (let power = LEAST_POWER.value; power <= MOST_POWER.value; power++) {
    const five = power < 0n ? inverse(-power) : upperBits(5n ** power)
    view.setBigUint64(at, five >> 64n, true)
    view.setBigUint64(at + 8, five & (2n ** 64n - 1n), true)
    at += 16
  }
}

const bitsOf = (value: bigint) => BigInt(value.toString(2).length)

function inverse(power: bigint): bigint {
  const five = 5n ** power
  if (power <= LAST_ROUNDED_UP) return 2n ** (bitsOf(five) + 127n) / five + 1n
  return upperBits(2n ** (2n * bitsOf(five) + 128n) / five + 1n)
}

function upperBits(value: bigint): bigint {
  const shift = 128n - bitsOf(value)
  return shift >= 0n ? value << shift : value >> -shift
}
