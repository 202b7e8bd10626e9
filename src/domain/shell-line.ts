/** Words as a POSIX shell has to read them, for commands that people paste. */
export function shellLine(words: readonly string[]): string {
  return words
    .map((word) => (/^[\p{L}\p{N}_@%+=:,./-]+$/u.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(' ')
}
