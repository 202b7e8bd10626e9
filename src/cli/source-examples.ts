const EXAMPLES: readonly (readonly [source: string, what: string])[] = [
  ['./pods', 'folder that holds those of the pods, or one file'],
  ["'./backup-*/router-*'", 'pattern'],
  ['router-0.tar.zst', 'archive'],
  ['s3://usage-backup/pods/', 'bucket, or a part of it'],
  ['k8s://obleth/app=gateway', 'running pods, by namespace and label selector (docs/pods.md)'],
  ['k8s://obleth/pod/router-0', 'one pod'],
  ['docker://obleth-gateway-1', 'container, behind it a path; podman:// as well'],
  ['docker-volume://obleth_wal', 'volume, behind it a path; podman-volume:// as well'],
]

/** One source of each kind, for the help of a command that reads them. */
export function sourceExamples(command: string): string {
  const to = command === 'collect' ? ' --to ./bundle' : ''
  const width = Math.max(...EXAMPLES.map(([source]) => source.length))
  const lines = EXAMPLES.map(([source, what]) => `  ${source.padEnd(width)}  ${what}`)
  return `Sources, several at once, each as in obleth-ledger ${command} ./pods${to}:\n${lines.join('\n')}\n`
}
