/**
 * CRC-64 as the RDB format ends with it (Jones: polynomial ad93d23594c935a9, reflected, no start or end value; the nine
 * digits 123456789 give e9c6d914c4b8d9ca). In two 32-bit halves, since BigInt would take minutes for a gigabyte.
 */
const LOW = new Uint32Array(256)
const HIGH = new Uint32Array(256)
for (let byte = 0; byte < 256; byte++) {
  let crc = BigInt(byte)
  for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0x95ac9329ac4bc9b5n : crc >> 1n
  LOW[byte] = Number(crc & 0xffffffffn)
  HIGH[byte] = Number(crc >> 32n)
}

export class Crc64 {
  private low = 0
  private high = 0

  update(bytes: Uint8Array): void {
    let { low, high } = this
    for (const byte of bytes) {
      const at = (low ^ byte) & 0xff
      low = ((low >>> 8) | (high << 24)) ^ LOW[at]
      high = (high >>> 8) ^ HIGH[at]
    }
    this.low = low
    this.high = high
  }

  /** As it stands in a file: eight bytes, the lowest first. */
  digest(): Buffer {
    const bytes = Buffer.alloc(8)
    bytes.writeUInt32LE(this.low >>> 0, 0)
    bytes.writeUInt32LE(this.high >>> 0, 4)
    return bytes
  }
}
