import { expect, test } from 'vitest'
import { Crc64 } from './crc64.js'

test('the checksum is that of the format, in pieces too', () => {
  const crc = new Crc64()
  crc.update(Buffer.from('1234'))
  crc.update(Buffer.from('56789'))
  expect(crc.digest().readBigUInt64LE().toString(16)).toBe('e9c6d914c4b8d9ca')
})
