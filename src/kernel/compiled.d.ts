/** AssemblyScript that the build compiles to WebAssembly (see `assembly.plugin.js`). */
declare module '*?compiled' {
  /** A new instance's exports. */
  export function instantiate(): unknown
}
