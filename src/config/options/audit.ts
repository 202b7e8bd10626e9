import { AUDIT, AUDIT_AND_BILL } from '../command-sets.js'
import { option } from '../option.js'
import * as parse from '../parsers.js'

export const AUDIT_OPTIONS = {
  outage: option(parse.momentRange, {
    shape: 'list',
    separator: /[,\n]/,
    group: 'Audit',
    commands: AUDIT_AND_BILL,
    describe: 'A known outage, from..to as RFC 3339 or epoch ms: a silence in it is marked; may be repeated',
  }),
  pods: option(parse.text, {
    shape: 'list',
    separator: /[,\n]/,
    group: 'Audit',
    commands: AUDIT,
    describe: 'A pod whose WAL must be among the sources; may be repeated',
  }),
  waivers: option(parse.text, {
    shape: 'value',
    unset: 'audit-waivers.yaml, where there is one',
    group: 'Audit',
    commands: AUDIT_AND_BILL,
    describe: 'File of findings that somebody answers for; they leave the exit code alone',
  }),
} as const
