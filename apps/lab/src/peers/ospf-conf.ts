import type { FrrConf } from './frr.js'
import type { OspfSpeech, OspfWish } from './ospf-router.js'

/** Pure: one wish in the words of each program. */

const lines = (...of: readonly (string | false | undefined)[]): string =>
  of.filter(line => typeof line === 'string').join('\n')

export function frrConf(wish: OspfWish): FrrConf {
  const { 2: v2, 3: v3 } = wish.speaks
  return {
    ...(v2 === undefined ? {} : { ospfd: ospfd(wish, v2) }),
    ...(v3 === undefined ? {} : { ospf6d: ospf6d(wish, v3) }),
  }
}

/** FRR 8.4 knows nothing of RFC 5709. */
function ospfd(
  { device, stubs, routerId, timers, priority }: OspfWish,
  { network, auth }: OspfSpeech,
): string {
  if (auth?.algorithm === 'hmac-sha-256') throw new Error('this FRR speaks no RFC 5709: let BIRD do it')
  return lines(
    `interface ${device}`,
    ' ip ospf area 0',
    ` ip ospf network ${network}`,
    auth && ` ip ospf authentication message-digest\n ip ospf message-digest-key 1 md5 ${auth.key}`,
    timers && ` ip ospf hello-interval ${timers.hello}\n ip ospf dead-interval ${timers.dead}`,
    timers && ' ip ospf retransmit-interval 2',
    priority !== undefined && ` ip ospf priority ${priority}`,
    ...stubs.map(stub => `interface ${stub}\n ip ospf area 0\n ip ospf passive`),
    'router ospf',
    ` ospf router-id ${routerId}`,
    timers && ' timers throttle spf 0 50 500\n timers throttle lsa all 0\n timers lsa min-arrival 0',
    '',
  )
}

function ospf6d(
  { device, stubs, routerId, timers, priority }: OspfWish,
  { network, auth }: OspfSpeech,
): string {
  return lines(
    `interface ${device}`,
    ' ipv6 ospf6 area 0',
    ` ipv6 ospf6 network ${network}`,
    auth && ` ipv6 ospf6 authentication key-id 1 hash-algo ${auth.algorithm} key ${auth.key}`,
    timers && ` ipv6 ospf6 hello-interval ${timers.hello}\n ipv6 ospf6 dead-interval ${timers.dead}`,
    timers && ' ipv6 ospf6 retransmit-interval 2',
    priority !== undefined && ` ipv6 ospf6 priority ${priority}`,
    ...stubs.map(stub => `interface ${stub}\n ipv6 ospf6 area 0\n ipv6 ospf6 passive`),
    'router ospf6',
    ` ospf6 router-id ${routerId}`,
    timers && ' timers throttle spf 0 50 500\n timers lsa min-arrival 0',
    '',
  )
}

export function birdConf(wish: OspfWish): string {
  const { routerId, speaks } = wish
  const { 2: v2, 3: v3 } = speaks
  return lines(
    `router id ${routerId};`,
    'protocol device { scan time 1; }',
    'protocol kernel { ipv4 { import none; export all; }; }',
    'protocol kernel { ipv6 { import none; export all; }; }',
    v2 && birdOspf(wish, 2, v2),
    v3 && birdOspf(wish, 3, v3),
    '',
  )
}

function birdOspf({ device, stubs, timers, priority }: OspfWish, version: 2 | 3, speech: OspfSpeech): string {
  const { network, auth } = speech
  const algorithm = auth?.algorithm === 'md5' ? 'keyed md5' : 'hmac sha256'
  return lines(
    `protocol ospf v${version} ospf${version} {`,
    `  ${version === 2 ? 'ipv4' : 'ipv6'} { import all; export none; };`,
    '  area 0 {',
    `    interface "${device}" {`,
    `      type ${network === 'broadcast' ? 'broadcast' : 'ptp'};`,
    timers && `      hello ${timers.hello}; dead ${timers.dead}; wait ${timers.dead}; retransmit 2;`,
    priority !== undefined && `      priority ${priority};`,
    auth && `      authentication cryptographic; password "${auth.key}" { id 1; algorithm ${algorithm}; };`,
    '    };',
    ...stubs.map(stub => `    interface "${stub}" { stub yes; };`),
    '  };',
    '}',
  )
}
