/** Lines of a text file, each ended by a line feed. */
export const textOf = (...lines: readonly string[]): string => `${lines.join('\n')}\n`
