// Loaded into every Node process that is measured: says at its end how much memory it held at most.
const { writeFileSync } = require('node:fs')
const { join } = require('node:path')
const { isMainThread } = require('node:worker_threads')

const directory = process.env.BENCH_RSS_DIR
if (isMainThread && directory !== undefined) {
  process.on('exit', () => {
    // libuv gives KiB on every system.
    writeFileSync(join(directory, String(process.pid)), String(process.resourceUsage().maxRSS * 1024))
  })
}
