import { describe, expect, it } from 'vitest'
import { BLOCK, readHeader, readPax } from './tar-header.js'

interface Fields {
  name?: string
  size?: string | Buffer
  flag?: string
  magic?: string
  prefix?: string
}

/** A header block built by hand from the tables of POSIX ustar and the GNU manual. */
function header({ name = 'a', size = '00000000012', flag = '0', magic = 'ustar\x0000', prefix = '' }: Fields): Buffer {
  const block = Buffer.alloc(BLOCK)
  block.write(name, 0, 'latin1')
  block.write('00000001750', 136)
  if (typeof size === 'string') block.write(size, 124)
  else size.copy(block, 124)
  block.write(flag, 156)
  block.write(magic, 257, 'latin1')
  block.write(prefix, 345)
  block.write('        ', 148)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

describe('a header', () => {
  it('holds name, size and time', () => {
    expect(readHeader(header({}))).toMatchObject({
      type: 'file',
      size: 10,
      modifiedMs: 0o1750 * 1000,
      continued: false,
    })
  })

  it.each([
    ['padded with spaces', '        12 ', 10],
    ['empty', '', 0],
    ['of 12 digits without an end', '777777777777', 0o777777777777],
  ])('has an octal size, %s', (_, size, expected) => {
    expect(readHeader(header({ size }))?.size).toBe(expected)
  })

  it('has a size in binary beyond 8 GiB', () => {
    const size = Buffer.alloc(12)
    size[0] = 0x80
    size.writeBigUInt64BE(20n * 2n ** 30n, 4)
    expect(readHeader(header({ size }))?.size).toBe(20 * 2 ** 30)
  })

  it('has a name of two parts in ustar, and a name that fills its field', () => {
    expect(readHeader(header({ name: 'x'.repeat(100), prefix: 'p/q' }))?.name.toString()).toBe(`p/q/${'x'.repeat(100)}`)
    // In GNU's format other things stand where ustar has the prefix.
    expect(readHeader(header({ magic: 'ustar  \0', prefix: 'times' }))?.name.toString()).toBe('a')
  })

  it('of v7 has no magic', () => {
    expect(readHeader(header({ magic: '' }))).toMatchObject({ type: 'file', size: 10 })
  })

  it.each([
    ['5', 'folder', 0],
    ['2', 'symbolic link', 0],
    ['6', 'FIFO', 0],
    ['7', 'file', 10],
    ['\0', 'file', 10],
    ['S', 'sparse file', 10],
    ['Z', 'member of type "Z"', 10],
  ])('of type %j is a %s with %d bytes', (flag, type, size) => {
    expect(readHeader(header({ flag }))).toMatchObject({ type, size })
  })

  it('is none where its sum does not agree', () => {
    const block = header({})
    block[0] ^= 1
    expect(readHeader(block)).toBeNull()
    expect(readHeader(Buffer.alloc(BLOCK, 'x'))).toBeNull()
  })
})

describe('pax records', () => {
  it('hold bytes, equals signs and line ends', () => {
    const body = Buffer.from('12 path=\xff=\n\n13 size=1234\n', 'latin1')
    expect([...(readPax(body) ?? [])].map(([key, value]) => [key, value.toString('latin1')])).toEqual([
      ['path', '\xff=\n'],
      ['size', '1234'],
    ])
  })

  it.each(['x', '0 a=b\n', '99999', '5 a\n', '-3 a=b\n', '6 a=b', '7 a=b\n', '5 a=b\n', '6 a=b\nx', '\0\0\0'])(
    'that make no sense are none: %j',
    (text) => {
      expect(readPax(Buffer.from(text))).toBeNull()
      expect(readPax(Buffer.from(`6 c=d\n${text}`))).toBeNull()
    },
  )
})
