/**
 * Characters that would steer a terminal, break a line, hide or turn text around: C0, DEL, C1, the line and paragraph
 * separators, zero-width and bidirectional marks, the byte-order mark and lone surrogates.
 */
const UNPRINTABLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|\p{Surrogate}/gu

const SHORT = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\0', '\\0'],
])

/** Text from outside (names, values, messages of servers) as it may be shown on a terminal: on one line, steering nothing. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    return SHORT.get(character) ?? `\\u{${character.codePointAt(0)?.toString(16)}}`
  })
}
