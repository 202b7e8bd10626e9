import { Transform } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { printable } from '../domain/printable.js'

/** For results shown on a terminal: passes text on with everything escaped that could steer it, save line feeds and tabs. */
export function terminalText(): Transform {
  const decoder = new StringDecoder('utf8')
  const safe = (text: string) => text.replace(/[^\n\t]+/g, printable)
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      done(null, safe(decoder.write(chunk)))
    },
    flush(done) {
      done(null, safe(decoder.end()))
    },
  })
}
