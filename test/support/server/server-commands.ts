import { type KillGround, REPLAY_ARGS } from '../kill-scenarios.js'
import type { ServerCommand } from './scene.js'

/** The replay of a scenario, into a server: it must end as the undisturbed one into an embedded ledger. */
export function replayOf(ground: KillGround): ServerCommand {
  return {
    fresh: () => ground.fresh(),
    args: ({ pods }) => ['replay', pods, ...REPLAY_ARGS, '--yes', '--create-schema'],
    code: ground.scenario.code,
    expectEnd: (ran, answer, goesOn) => ground.expectEnd(ran, answer, goesOn),
  }
}
