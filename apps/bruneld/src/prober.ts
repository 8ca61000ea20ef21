import { createSocket } from 'node:dgram'
import type { InterfaceAddress } from '@brunel/config'
import { farEnd } from './far-end.js'
import type { Tunnel } from './tunnel.js'

/** How often a tunnel that has not proved itself is tried. Longer: an idle tunnel is `up` later by as much. */
const PROBE_MS = 1000
/** After so many probes only every tenth second: somebody has to mend something. */
const EAGER = 10

/** Port 9 is discard; where nobody listens the answer is an ICMP error, which proves the way back as well. */
const DISCARD = 9
/** All nodes on the link (RFC 4291 §2.7.1): the other end of a tunnel, whatever its address. */
const ALL_NODES = 'ff02::1'

/**
 * A tunnel is up only while data has crossed both ways, and an idle one carries none. So a datagram of one octet is
 * sent into each whose SAs stand and that nothing has crossed yet; two Brunels prove each other's direction.
 */
export class Prober {
  readonly #tunnels: () => Iterable<Tunnel>
  #timer: NodeJS.Timeout | undefined

  constructor(tunnels: () => Iterable<Tunnel>) {
    this.#tunnels = tunnels
  }

  start(): void {
    this.#timer = setInterval(() => this.#turn(), PROBE_MS).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #turn(): void {
    for (const tunnel of this.#tunnels()) {
      if (!tunnel.sas.sending || !isDue(tunnel)) continue
      for (const { from, to } of probesFor(tunnel.peer.tunnel.interface, tunnel.peer.tunnel.addresses))
        send(from, to)
    }
  }
}

function isDue(tunnel: Tunnel): boolean {
  const { baseline } = tunnel
  const { inbound, outbound, at } = tunnel.crossing()
  if (inbound > baseline.inbound && outbound > baseline.outbound) return false
  const turn = Math.floor((at - baseline.at) / PROBE_MS)
  return turn < EAGER || turn % EAGER === 0
}

/** Where a probe of a tunnel goes, and which of our addresses it comes from. Pure. */
export function probesFor(
  device: string,
  addresses: readonly InterfaceAddress[],
): readonly { readonly from: string | undefined; readonly to: string }[] {
  const known = addresses.flatMap(address => {
    const to = farEnd(address)
    return to === undefined ? [] : [{ from: address.address, to }]
  })
  return [...known, { from: undefined, to: `${ALL_NODES}%${device}` }]
}

function send(from: string | undefined, to: string): void {
  const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4')
  const end = (): void => {
    socket.removeAllListeners()
    socket.on('error', () => undefined)
    socket.close()
  }
  // No IPv6 on this machine, or an interface that goes away: the tunnel stays unproved, which its state says.
  socket.on('error', end)
  socket.bind({ port: 0, ...(from === undefined ? {} : { address: from }) }, () =>
    socket.send(Uint8Array.of(0), DISCARD, to, end),
  )
}
