import type { ReadProblem } from './wal.js'

/** Bytes ended early; all that could be read before has been delivered. */
export class ReadFailure extends Error {
  constructor(readonly problem: ReadProblem) {
    super(problem.reason)
  }
}
