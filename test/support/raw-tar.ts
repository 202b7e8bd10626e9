const BLOCK = 512

/** A header block as nobody's library writes it: any type, any text in the field of the size, a checksum that agrees. */
export function rawHeader(name: string | Buffer, size: number, type = '0', sizeField?: Buffer): Buffer {
  const block = Buffer.alloc(BLOCK)
  Buffer.from(name).copy(block, 0, 0, 100)
  block.write('0000644\x000000000\x000000000\0', 100)
  if (sizeField === undefined) block.write(size.toString(8).padStart(11, '0'), 124)
  else sizeField.copy(block, 124, 0, 12)
  block.write('00000000000', 136)
  block.write('        ', 148)
  block.write(type, 156)
  block.write('ustar\u000000', 257)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

/** A member, its content padded. */
export const rawMember = (name: string | Buffer, content: Buffer, type = '0'): Buffer =>
  Buffer.concat([rawHeader(name, content.length, type), padded(content)])

/** A pax header of these records, for the header that follows. */
export function rawPax(records: Readonly<Record<string, string>>): Buffer {
  const body = Object.entries(records).map(([key, value]) => {
    const rest = Buffer.from(` ${key}=${value}\n`)
    let length = rest.length + 1
    while (String(length).length + rest.length !== length) length = rest.length + String(length).length
    return Buffer.concat([Buffer.from(String(length)), rest])
  })
  return rawMember('PaxHeader', Buffer.concat(body), 'x')
}

export const END_MARK = Buffer.alloc(2 * BLOCK)

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)])
}
