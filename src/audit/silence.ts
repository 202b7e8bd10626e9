import type { Finding, TimeWindow } from '../domain/audit.js'
import { clumpSize, type Judgement, judge, overlap } from './silence-rule.js'
import { MINUTE_MS, type Silence, type Traffic } from './traffic.js'

export interface Silences {
  readonly findings: readonly Finding[]
  /** Stretches that are as quiet as such hours are. */
  readonly probable: readonly Silence[]
  /** Stretches that there was too little traffic to judge by. */
  readonly unjudged: number
}

/** One audit in a hundred, at most, reports a stretch that is mere chance, however many it looks at. */
const FALSE_ALARM = 0.01

/** Stretches without requests that the traffic around them makes improbable; those in a declared outage are marked so. */
export function findSilences(traffic: Traffic, outages: readonly TimeWindow[]): Silences {
  const declared = outages.map(({ fromMs, toMs }) => ({
    from: Math.floor(fromMs / MINUTE_MS),
    to: Math.ceil(toMs / MINUTE_MS),
  }))
  const clump = clumpSize(traffic)
  const findings: Finding[] = []
  const probable: Silence[] = []
  let unjudged = 0
  for (const silence of traffic.silences) {
    const judgement = judge(traffic, clump, silence, declared)
    if (judgement === null) {
      unjudged++
      continue
    }
    // So many stretches of this length there are, each of which could have been silent.
    const chances = (traffic.endMinute - traffic.firstMinute) / (silence.to - silence.from)
    if (judgement.probability * chances > FALSE_ALARM) probable.push(silence)
    else
      findings.push(
        finding(
          silence,
          judgement,
          declared.some((outage) => overlap(outage, silence)),
        ),
      )
  }
  return { findings, probable, unjudged }
}

function finding({ from, to, lastBeforeMs, firstAfterMs }: Silence, judgement: Judgement, declared: boolean): Finding {
  const { expected, probability, windows, least, most, by } = judgement
  const compared =
    by === 'weeks' ? `the same hours of ${windows} other weeks` : `the same hours of ${windows} other days`
  const chance = probability < 1e-12 ? 'less than 1e-12' : `about ${probability.toExponential(0)}`
  return {
    kind: 'silence',
    place: 'usage',
    window: { fromMs: lastBeforeMs, toMs: firstAfterMs },
    requests: null,
    tokens: null,
    costUsd: null,
    evidence: `no request for ${to - from} minutes; ${compared} held ${least} to ${most}, about ${Math.round(expected)} were to be expected, chance of none ${chance}`,
    cause: declared
      ? 'the outage that --outage names: gateways that were down, or records that were lost in it'
      : 'gateways that were down or could not be reached, or records that were lost',
    next: 'obleth-ledger replay <source...> with the WAL files of these hours; obleth-ledger audit <source...> shows what they hold',
  }
}
