// Runs s3rver, a store that others wrote, until it is killed: the folder of its objects is the argument, its port is printed.
import S3rver from 's3rver'

const store = new S3rver({
  address: '127.0.0.1',
  port: 0,
  silent: true,
  directory: process.argv[2],
  configureBuckets: [{ name: 'usage-backup' }],
})
const { port } = await store.run()
process.stdout.write(`${port}\n`)
