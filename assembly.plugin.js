import { main } from 'assemblyscript/asc'

const SUFFIX = '?compiled'
/** No garbage collector and no host functions: the code works on memory that the host lays out. */
const OPTIONS = [
  '-O3',
  '--runtime',
  'stub',
  '--enable',
  'simd',
  '--noAssert',
  '--use',
  'abort=',
  '--outFile',
  'out.wasm',
]

/**
 * For rolldown and vitest alike: `import { instantiate } from './assembly/index.ts?compiled'` compiles AssemblyScript to
 * WebAssembly and gives a function that makes an instance and returns its exports. The code travels within the module, so
 * that no file is to be found at run time.
 * @returns {{ name: string, enforce: 'pre', load(id: string): Promise<string | null> }}
 */
export function assembly() {
  return {
    name: 'assembly',
    enforce: 'pre',
    async load(id) {
      if (!id.endsWith(SUFFIX)) return null
      /** @type {Uint8Array | undefined} */
      let compiled
      const { error, stderr } = await main([id.slice(0, -SUFFIX.length), ...OPTIONS], {
        writeFile(_, contents) {
          if (typeof contents !== 'string') compiled = contents
        },
      })
      if (error !== null || compiled === undefined) throw new Error(`${id} cannot be compiled:\n${stderr.toString()}`)
      return `const compiled = new WebAssembly.Module(Buffer.from('${Buffer.from(compiled).toString('base64')}', 'base64'))
export const instantiate = () => new WebAssembly.Instance(compiled).exports`
    },
  }
}
