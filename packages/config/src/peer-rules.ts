import { familyOf, type Problem, seconds, type WallClock } from '@brunel/base'
import { certificateWarnings } from './certificate-rules.js'
import { type WholePeerDocument, withDefaults } from './defaults.js'
import type { PeerDocument } from './document.js'
import { ppk, ppkWarnings } from './ppk-rules.js'
import { espProposalFaults, ikeProposalFaults } from './proposals.js'
import { RELAY_RULES } from './relay-rules.js'
import { problem, type Rule, whole } from './rule.js'
import { TUNNEL_RULES } from './tunnel-rules.js'
import {
  address,
  duration,
  identity,
  isDnsName,
  isHostAddress,
  isPeerName,
  pskOctets,
  size,
} from './values.js'

/** What one peer document says wrong by itself. Pointers are relative to the document. */

const name: Rule = peer =>
  isPeerName(peer.name)
    ? []
    : [
        problem(
          '/name',
          'BRUNEL_CONFIG_NAME',
          `"${peer.name}" is not a name for a peer.`,
          'Use a letter or digit, then letters, digits, `.`, `_` and `-`, at most 63 in all.',
        ),
      ]

function localAddress({ local }: WholePeerDocument): Problem[] {
  if (local.address === undefined || (address(local.address) !== undefined && isHostAddress(local.address)))
    return []
  const detail = `"${local.address}" is not an address that this router can have.`
  return [
    problem(
      '/local/address',
      'BRUNEL_CONFIG_ADDRESS',
      detail,
      'Write an address of this host, or leave it out.',
    ),
  ]
}

function furtherAddresses({ local }: WholePeerDocument): Problem[] {
  return (local.addresses ?? []).flatMap((text, i) =>
    address(text) !== undefined && isHostAddress(text)
      ? []
      : [
          problem(
            `/local/addresses/${i}`,
            'BRUNEL_CONFIG_ADDRESS',
            `"${text}" is not an address that this router can have.`,
            'Write addresses of this host, without prefix length.',
          ),
        ],
  )
}

function remoteAddress({ remote }: WholePeerDocument): Problem[] {
  if (remote.address === 'any' || isDnsName(remote.address)) return []
  if (address(remote.address) !== undefined && isHostAddress(remote.address)) return []
  const detail = `"${remote.address}" is neither an address that a router can have, nor a DNS name, nor \`any\`.`
  return [
    problem(
      '/remote/address',
      'BRUNEL_CONFIG_ADDRESS',
      detail,
      'Write an address such as 198.51.100.7, a DNS name, or `any`.',
    ),
  ]
}

function preference({ local, remote }: WholePeerDocument): Problem[] {
  if (remote.prefer === undefined) return []
  if (remote.address === 'any' || !isDnsName(remote.address)) {
    const detail = `\`remote.prefer\` chooses among the addresses of a DNS name, and "${remote.address}" is none.`
    return [problem('/remote/prefer', 'BRUNEL_CONFIG_FAMILY', detail, 'Leave `remote.prefer` out.')]
  }
  const ours = address(local.address ?? '')
  if (ours === undefined || `ipv${familyOf(ours)}` === remote.prefer) return []
  const detail = `\`local.address\` is IPv${familyOf(ours)}, so that ${remote.prefer} is never used.`
  return [problem('/remote/prefer', 'BRUNEL_CONFIG_FAMILY', detail, 'Leave one of the two out.')]
}

function ends({ local, remote }: WholePeerDocument): Problem[] {
  const [ours, theirs] = [address(local.address ?? ''), address(remote.address)]
  if (ours === undefined || theirs === undefined) return []
  if (familyOf(ours) !== familyOf(theirs)) {
    const detail = `\`local.address\` is IPv${familyOf(ours)} and \`remote.address\` is IPv${familyOf(theirs)}.`
    return [problem('/local/address', 'BRUNEL_CONFIG_FAMILY', detail, 'Use two addresses of one IP version.')]
  }
  const detail = `The peer has our own address, ${ours}.`
  const remedy = 'Write the address of the other router.'
  return ours === theirs ? [problem('/remote/address', 'BRUNEL_CONFIG_ADDRESS', detail, remedy)] : []
}

const identities: Rule = peer =>
  (['local', 'remote'] as const).flatMap(end => {
    const id = peer[end].id
    if (id === undefined || identity(id) !== undefined) return []
    const detail = `"${id}" is not an IKE identity.`
    const remedy =
      'Write an address, a host name, an e-mail address, keyid:TEXT or a name such as `C=CH, CN=hq`.'
    return [problem(`/${end}/id`, 'BRUNEL_CONFIG_IDENTITY', detail, remedy)]
  })

const NEW_PSK = 'Make one with `openssl rand -base64 32` and give the same to both routers.'
/** Below it a key is found by trying; 8 octets are still far too few for a word. */
const PSK_LEAST = 8
/** RFC 7296 §2.15 wants as much unpredictability as the strongest key negotiated; a warning below this. */
export const PSK_ADVISED = 20

function auth({ auth }: WholePeerDocument): Problem[] {
  if (auth.psk === undefined) return []
  const octets = pskOctets(auth.psk)
  const bad = (detail: string) => [problem('/auth/psk', 'BRUNEL_CONFIG_PSK', detail, NEW_PSK)]
  if (octets === undefined)
    return bad('The pre-shared key begins with 0x or 0s and is not hexadecimal or base64.')
  if (octets.length === 0) return bad('The pre-shared key is empty.')
  return octets.length < PSK_LEAST ? bad(`The pre-shared key is shorter than ${PSK_LEAST} octets.`) : []
}

function span(pointer: string, text: string, least: string, most: string): Problem[] {
  const [value, from, to] = [duration(text), duration(least)!, duration(most)!]
  if (value !== undefined && value >= from && value <= to) return []
  const detail = value === undefined ? `"${text}" is not a duration.` : `${text} is out of range.`
  const remedy = `Write a number and ms, s, m, h or d, from ${least} to ${most}.`
  return [problem(pointer, 'BRUNEL_CONFIG_DURATION', detail, remedy)]
}

/** Below a MiB an SA would be rekeyed for every few packets; above 2^53 we cannot count. */
const BYTES_RANGE = [2 ** 20, 2 ** 53] as const

function lifetimes({ ike, esp }: WholePeerDocument): Problem[] {
  const bytes = size(esp.lifetimeBytes)
  const bytesFit = bytes !== undefined && bytes >= BYTES_RANGE[0] && bytes < BYTES_RANGE[1]
  const detail =
    bytes === undefined ? `"${esp.lifetimeBytes}" is not a size.` : `${esp.lifetimeBytes} is out of range.`
  const remedy = 'Write a number and KiB, MiB, GiB or TiB, from 1MiB to 8191TiB.'
  return [
    ...span('/ike/lifetime', ike.lifetime, '10s', '30d'),
    ...span('/ike/liveness', ike.liveness, '1s', '1h'),
    ...span('/esp/lifetime', esp.lifetime, '10s', '7d'),
    ...(bytesFit ? [] : [problem('/esp/lifetimeBytes', 'BRUNEL_CONFIG_SIZE', detail, remedy)]),
  ]
}

function esp({ esp }: WholePeerDocument): Problem[] {
  const { replayWindow, dscp } = esp
  const fits = replayWindow === 0 || (replayWindow >= 32 && replayWindow <= 4096)
  const remedy = 'Write a number from 32 to 4096, or 0 for no check.'
  return [
    ...(fits
      ? []
      : [problem('/esp/replayWindow', 'BRUNEL_CONFIG_RANGE', `${replayWindow} is out of range.`, remedy)]),
    ...(dscp === 'copy' ? [] : whole('/esp/dscp', dscp, [0, 63])),
  ]
}

function gre({ gre }: WholePeerDocument): Problem[] {
  const soon = 'GRE keepalives are not available yet; IKE liveness finds a silent peer.'
  return [
    ...(gre.key === undefined ? [] : whole('/gre/key', gre.key, [0, 0xffffffff])),
    ...(gre.keepalive === undefined
      ? []
      : [problem('/gre/keepalive', 'BRUNEL_CONFIG_NOT_AVAILABLE', soon, 'Leave `keepalive` out.')]),
  ]
}

const proposals: Rule = ({ ike, esp }) => [
  ...ikeProposalFaults('/ike/proposals', ike.proposals),
  ...espProposalFaults('/esp/proposals', esp.proposals),
]

function initiate({ ike, remote }: WholePeerDocument): Problem[] {
  if (!ike.initiate || remote.address !== 'any') return []
  const detail = 'A peer whose address is `any` cannot be called.'
  return [
    problem('/ike/initiate', 'BRUNEL_CONFIG_ADDRESS', detail, 'Leave `initiate` out, or write the address.'),
  ]
}

const RULES: readonly Rule[] = [
  name,
  localAddress,
  furtherAddresses,
  remoteAddress,
  ends,
  preference,
  identities,
  auth,
  ppk,
  proposals,
  lifetimes,
  initiate,
  esp,
  gre,
  ...TUNNEL_RULES,
  ...RELAY_RULES,
]

export const problemsOfPeer = (peer: PeerDocument): Problem[] => {
  const whole = withDefaults(peer)
  return RULES.flatMap(rule => rule(whole))
}

/** What is allowed and unwise. `now`: the wall clock, where certificates are to be looked at. */
export function warningsOf(peer: PeerDocument, now?: WallClock): Problem[] {
  const psk = pskOctets(peer.auth.psk ?? '') ?? new Uint8Array(0)
  const found: Problem[] = certificateWarnings(peer, now)
  if (peer.auth.psk !== undefined && psk.length < PSK_ADVISED) {
    const detail = `The pre-shared key has ${psk.length} octets; below ${PSK_ADVISED} it can be guessed by whoever records a handshake.`
    found.push(problem('/auth/psk', 'BRUNEL_CONFIG_PSK_SHORT', detail, NEW_PSK))
  }
  found.push(...ppkWarnings(peer))
  const life = duration(withDefaults(peer).ike.lifetime)
  if (life !== undefined && life < seconds(60)) {
    const detail = 'The IKE SA is rekeyed more than once a minute.'
    found.push(
      problem('/ike/lifetime', 'BRUNEL_CONFIG_DURATION', detail, 'Write `4h`, unless this is a test.'),
    )
  }
  return found
}
