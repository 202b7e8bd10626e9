import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type Scalar } from 'yaml'
import { closestOption, type Given, type Layer, type Problem } from './layers.js'
import { isOptionName, OPTIONS, type OptionName } from './options.js'

/**
 * A flat YAML mapping of option names to values. Scalars keep the text as written, so that a value means the same as in
 * a flag. Messages never quote the file, since it may hold a password.
 */
export function parseConfig(source: string, path: string): Layer {
  const given = new Map<OptionName, Given>()
  const problems: Problem[] = []
  const lines = new LineCounter()
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false, schema: 'core' })
  const lineOf = (offset: number) => lines.linePos(offset).line
  for (const error of document.errors) {
    problems.push({ at: `${path}:${lineOf(error.pos[0])}`, message: `is not valid YAML (${error.code})` })
  }
  if (problems.length > 0 || document.contents === null) return { given, problems }
  if (!isMap<Scalar, Node | null>(document.contents)) {
    return { given, problems: [{ at: path, message: 'is not a mapping of option names to values' }] }
  }
  for (const { key, value } of document.contents.items) {
    const line = lineOf(key.range?.[0] ?? 0)
    const at = `${path}:${line}`
    const name = String(key.value)
    if (!isOptionName(name) || 'file' in OPTIONS[name]) {
      problems.push({ at, message: `the key ${name} names no option${closestOption(name, (option) => option)}` })
      continue
    }
    const texts = textsOf(value, OPTIONS[name].shape === 'list')
    if (texts === null) problems.push({ at, message: `${name} has no value, or one of the wrong shape` })
    else if (texts.length > 0) given.set(name, { texts, origin: { kind: 'file', path, line } })
  }
  return { given, problems }
}

function textsOf(node: Node | null, list: boolean): string[] | null {
  if (isScalar(node)) {
    const text = node.value === null ? null : (node.source ?? String(node.value))
    return text === null ? null : [text]
  }
  if (!list || !isSeq<Node | null>(node)) return null
  const texts = node.items.map((item) => textsOf(item, false))
  return texts.every((text) => text !== null) ? texts.flat() : null
}
