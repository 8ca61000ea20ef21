import type { Family } from '@brunel/base'
import { type EspMtu, espMtu, IPV6_MINIMUM, type TunnelMtu, tunnelMtu, type WireMtu } from './units.js'

/**
 * The inner MTU as arithmetic:
 *
 *     room = underlay MTU - outer IP - UDP - ESP header - IV - ICV, rounded down to whole blocks
 *     MTU  = room - pad length and next header - delivery IP (tunnel mode only) - GRE - its options
 *
 * In a TCP connection the same with a TCP header and the length in the stream: a message that fills a segment crosses
 * alone, and one that must wait for its second half would double the loss (RFC 8229 §3, §12.4).
 *
 * In transport mode the outer IP header is GRE's delivery header (RFC 4303 §3.1.1).
 */

/** Lengths of a suite in octets, as its transforms state them. */
export interface EspLengths {
  readonly ivLength: number
  readonly blockLength: number
  readonly icvLength: number
}

export interface MtuParameters {
  readonly underlayMtu: WireMtu
  readonly outerFamily: Family
  readonly encapsulation: 'udp' | 'tcp' | 'none'
  readonly mode: 'tunnel' | 'transport'
  readonly suite: EspLengths
  /** Of the delivery header inside ESP; without meaning in transport mode. */
  readonly deliveryFamily: Family
  readonly greKey: boolean
  readonly greChecksum: boolean
  readonly greSequence: boolean
}

/** A line of the arithmetic. All lines but the last add up to the last. */
export interface MtuStep {
  readonly label: string
  readonly octets: number
}

export interface MtuResult {
  readonly mtu: TunnelMtu
  readonly espMtu: EspMtu
  /** RFC 879 §3, RFC 8200 §8.3: MTU less the headers without options; 0 where nothing fits. */
  readonly mssIpv4: number
  readonly mssIpv6: number
  /** RFC 7676 §3.2: a tunnel that cannot carry 1280 octets carries no IPv6. */
  readonly carriesIpv6: boolean
  readonly steps: readonly MtuStep[]
}

const ESP_HEADER = 8
const ESP_TRAILER = 2
const UDP_HEADER = 8
const GRE_HEADER = 4
const GRE_OPTION = 4
const TCP_HEADER = 20
/** RFC 7323 §3.2: the timestamps option with its padding is 12 octets. */
const STREAM_TCP_HEADER = TCP_HEADER + 12
/** RFC 8229 §3. */
const STREAM_LENGTH = 2

const ipHeader = (family: Family): number => (family === 4 ? 20 : 40)

function deductions(m: MtuParameters): MtuStep[] {
  return [
    { label: `outer IPv${m.outerFamily} header`, octets: -ipHeader(m.outerFamily) },
    { label: 'UDP header (NAT traversal)', octets: m.encapsulation === 'udp' ? -UDP_HEADER : 0 },
    { label: 'TCP header with timestamps', octets: m.encapsulation === 'tcp' ? -STREAM_TCP_HEADER : 0 },
    { label: 'length in the TCP stream', octets: m.encapsulation === 'tcp' ? -STREAM_LENGTH : 0 },
    { label: 'ESP header', octets: -ESP_HEADER },
    { label: 'ESP IV', octets: -m.suite.ivLength },
    { label: 'ESP ICV', octets: -m.suite.icvLength },
  ]
}

function payload(m: MtuParameters): MtuStep[] {
  return [
    { label: 'ESP pad length and next header', octets: -ESP_TRAILER },
    {
      label: `delivery IPv${m.deliveryFamily} header`,
      octets: m.mode === 'tunnel' ? -ipHeader(m.deliveryFamily) : 0,
    },
    { label: 'GRE header', octets: -GRE_HEADER },
    { label: 'GRE checksum', octets: m.greChecksum ? -GRE_OPTION : 0 },
    { label: 'GRE key', octets: m.greKey ? -GRE_OPTION : 0 },
    { label: 'GRE sequence number', octets: m.greSequence ? -GRE_OPTION : 0 },
  ]
}

const total = (steps: readonly MtuStep[]): number => steps.reduce((sum, step) => sum + step.octets, 0)

export function computeMtu(m: MtuParameters): MtuResult {
  const outer = [{ label: 'underlay MTU', octets: m.underlayMtu as number }, ...deductions(m)]
  const room = total(outer)
  // RFC 4303 §2.4: 4 octets at least, whatever the cipher's block.
  const block = Math.max(4, m.suite.blockLength)
  const whole = Math.floor(room / block) * block
  const rounding = { label: `rounded down to a multiple of ${block}`, octets: whole - room }
  const lines = [...outer, rounding, ...payload(m)].filter(step => step.octets !== 0)
  const mtu = total(lines)
  return {
    mtu: tunnelMtu(Math.max(0, mtu)),
    espMtu: espMtu(Math.max(0, whole)),
    mssIpv4: Math.max(0, mtu - ipHeader(4) - TCP_HEADER),
    mssIpv6: Math.max(0, mtu - ipHeader(6) - TCP_HEADER),
    carriesIpv6: mtu >= IPV6_MINIMUM,
    steps: [...lines, { label: 'inner MTU', octets: mtu }],
  }
}
