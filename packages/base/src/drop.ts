/**
 * Every reason for which a packet is dropped: the metric label, the word of `brunel drops`, a row of docs/drops.md.
 * One line, one comment a reason; a reason is never renamed. A test demands that every reason has a test that produces it.
 */
export const DROPS = {
  // IP, inside and outside
  'ip-truncated': 'An IP packet is shorter than its header says.',
  'ip-version': 'The first four bits are neither 4 nor 6.',
  'ip-header-length': 'An IPv4 header length is below 20 octets or beyond the packet.',
  'ip-checksum': 'An IPv4 header checksum is wrong.',
  'ip-fragment': 'A fragment was offered where a whole packet is needed (RFC 4303 §3.4.1).',
  'ip-protocol': 'The delivery packet does not carry GRE.',
  'ip-extension-headers': 'An IPv6 extension header chain is malformed or too long.',
  'ttl-expired': 'The inner TTL or hop limit has run out.',
  'ecn-congestion-lost': 'Outer CE arrived on a packet whose inner header is Not-ECT (RFC 6040 §4.2).',
  // GRE
  'gre-truncated': 'A GRE header is shorter than its flags promise (RFC 2784 §2.1).',
  'gre-version': 'The GRE version is not 0; 1 is PPTP (RFC 2784 §2.3.1).',
  'gre-reserved-bits': 'GRE flag bits 1, 4 or 5 are set (RFC 2784 §2.3).',
  'gre-protocol-type': 'The GRE protocol type is neither IPv4 nor IPv6 (RFC 2784 §2.4).',
  'gre-payload-mismatch': 'The GRE protocol type and the payload IP version differ.',
  'gre-checksum': 'The GRE checksum is wrong (RFC 2784 §2.5).',
  'gre-key-missing': 'The tunnel has a GRE key and the packet has none (RFC 2890 §2.1).',
  'gre-key-unexpected': 'The packet has a GRE key and the tunnel has none (RFC 2890 §2.1).',
  'gre-key-mismatch': 'The GRE key is not that of the tunnel (RFC 2890 §2.1).',
  'gre-out-of-order': 'A GRE sequence number is late (RFC 2890 §2.2).',
  'gre-endpoints': 'The delivery addresses are not those of the tunnel (RFC 7676 §4.1).',
  'gre-clear': 'GRE came in the clear from the underlay; policy demands ESP (RFC 4301 §5.2).',
  'gre-loop': 'The packet is the own delivery traffic of the tunnel it was routed into (RFC 2003 §3.2).',
  'gre-to-far-end': 'The inner destination is the far end of the tunnel itself (RFC 2784 §3.1).',
  // ESP
  'esp-truncated': 'An ESP packet is shorter than its suite allows.',
  'esp-spi-reserved': 'The SPI is 0 to 255 (RFC 4303 §2.1).',
  'esp-unknown-spi': 'No SA has this SPI (RFC 4303 §3.4.2).',
  'esp-replay': 'The sequence number was seen before (RFC 4303 §3.4.3).',
  'esp-before-window': 'The sequence number is left of the replay window (RFC 4303 §3.4.3).',
  'esp-integrity': 'The integrity check failed (RFC 4303 §3.4.4).',
  'esp-padding': 'The padding of an authentic packet is malformed (RFC 4303 §2.4).',
  'esp-dummy': 'Next header 59: a dummy packet, discarded by design (RFC 4303 §2.6).',
  'esp-next-header': 'The next header does not fit the mode of the SA.',
  'esp-selectors': 'A decrypted packet lies outside the selectors of its SA (RFC 4301 §5.2).',
  'esp-sequence-exhausted': 'The sequence numbers of the SA are used up (RFC 4303 §3.3.3).',
  'esp-expired': 'The hard lifetime of the SA is over (RFC 7296 §2.8).',
  // tunnels
  'tunnel-no-sa': 'No outbound SA yet: the packet is dropped, never sent in the clear (RFC 4301 §5.1).',
  'tunnel-down': 'The tunnel is administratively down.',
  'tunnel-too-big': 'The packet is larger than the tunnel MTU and may not be fragmented (RFC 7588 §3.3.1.1).',
  'tunnel-ipv6-below-1280': 'The tunnel cannot carry 1280 octets, so IPv6 is off (RFC 7676 §3.2).',
  'tunnel-write': 'The TUN interface refused the packet.',
  'underlay-send': 'The underlay refused the packet.',
  'underlay-room': 'The packet does not leave room in its slot for the headers.',
  // OSPF and other multicast that is relayed
  'ospf-truncated': 'An OSPF packet is shorter than its header (RFC 2328 §A.3.1, RFC 5340 §A.3.1).',
  'ospf-version': 'The OSPF version is not that of the IP family: 2 over IPv4, 3 over IPv6.',
  'ospf-length': 'The OSPF packet length is below its header or beyond the IP packet.',
  'ospf-checksum':
    'The OSPF checksum is wrong; the doctor does not read it, the relay carries it (RFC 2328 §D.5).',
  'ospf-authentication':
    'Less octets follow the OSPF packet than its authentication needs; the doctor does not read it (RFC 2328 §D.3).',
  'ospf-body':
    'An OSPF type is unknown, or its body malformed; the doctor does not read it, the relay carries it.',
  'ospf-lsa': 'An LSA is malformed, or its checksum is wrong (RFC 2328 §12.1.7); no route is made of it.',
  'relay-protocol': 'The relay of the group does not carry this protocol.',
  'relay-group': 'The relay of the group does not carry this multicast group.',
  'relay-ttl':
    'The TTL is not what a neighbour on the link sends: it came from farther away (RFC 2328 §A.1).',
  'relay-source': 'No neighbour on the link has this source address (RFC 5340 §2.5), or it is our own.',
  'relay-source-port': 'The source lives on another port of the relay and is alive there: forged, or a loop.',
  'relay-table-full': 'More sources are heard on this port than a link has routers.',
  'relay-rate': 'More multicast or OSPF comes by this port, or from this source, than its limit.',
  'relay-duplicate': 'A multicast packet that was carried a moment ago came round again.',
  'relay-standby': 'Another way of the relay to the same LAN carries the packet.',
  'relay-same-side': 'The destination lives on the port where the packet came in.',
  'relay-unknown-destination': 'Nobody with this destination address has been heard behind the relay.',
  'relay-beacon': 'A datagram that should be a beacon of another relay is none.',
  'relay-routed':
    'OSPF or the like was routed into a tunnel where a relay carries it: it comes from farther away than the LAN.',
  'relay-queue-full': 'Packets of a relay come out of a tunnel, or go into it, faster than they are handled.',
  'relay-not-carrying': 'No tunnel that the packet could take carries data.',
  'relay-routes-full': 'An LSA is carried, but the memory that routes are made of has no room for it.',
  'relay-flood': 'More comes from the LAN than the relay reads; the kernel dropped it.',
  'relay-fragments-lost':
    'Not all pieces of a relayed packet that was cut for the tunnel came within a moment, or too many packets were incomplete.',
  'relay-fragments-unfit': 'Pieces of a relayed packet overlap, or do not make a whole (RFC 8200 §4.5).',
  'relay-lan-send': 'The LAN interface refused a packet: it is down.',
  // IKE and ESP in TCP
  'tcp-prefix': 'A TCP connection did not begin with "IKETCP" and was closed (RFC 9329 §4).',
  'tcp-length':
    'A message in a TCP stream has a length that none can have; the connection was closed (RFC 9329 §3).',
  'tcp-corrupt':
    'One senseless message after another came by a TCP connection; it was closed (RFC 9329 §6.1).',
  'tcp-shared': 'A second IKE SA was begun on a TCP connection that carries one (RFC 9329 §6.1).',
  'tcp-limit': 'Too many TCP connections that nobody has authenticated; this one was closed.',
  'tcp-idle': 'Nobody authenticated a TCP connection in time; it was closed.',
  'tcp-queue-full': 'A TCP connection takes packets more slowly than the tunnel sends them.',
  'tcp-down': 'The TCP connection that the SA sends by is broken, and no other has come yet.',
  // IKE before it reaches a machine
  'ike-truncated': 'An IKE message is shorter than its header or a payload (RFC 7296 §3.1).',
  'ike-length': 'The IKE header length is not the datagram length (RFC 7296 §3.1).',
  'ike-version': 'The IKE major version is not 2 (RFC 7296 §2.5).',
  'ike-v1': 'The other router begins with IKEv1, which is not spoken here (RFC 9395).',
  'ike-spi': 'The initiator SPI is zero, or no IKE SA has these SPIs (RFC 7296 §2.6).',
  'ike-exchange-type': 'The exchange type is unknown or does not fit the state.',
  'ike-message-id': 'The Message ID is outside the window (RFC 7296 §2.3).',
  'ike-payload': 'A payload is malformed, missing or not allowed in this message.',
  'ike-critical': 'An unknown payload is marked critical (RFC 7296 §2.5).',
  'ike-integrity': 'The integrity check of an encrypted payload failed (RFC 7296 §3.14).',
  'ike-fragment': 'An encrypted fragment is malformed, superseded or too many (RFC 7383 §2.6).',
  'ike-duplicate': 'A repeated message whose answer is forgotten (RFC 7296 §2.1).',
  'ike-mtu':
    'A peer tells an inner MTU that cannot be, or in a form that is not ours; the one before it holds.',
  'ike-no-peer': 'No configured peer answers to this address.',
  'ike-half-open-limit': 'Too many half-open IKE SAs, in all or of one address (RFC 7296 §2.6).',
  'ike-auth-limit': 'The address failed to authenticate too often and its next turn has not come.',
  'ike-amplification': 'The answer to a stranger would be longer than the message it answers.',
  'ike-queue-full': 'IKE messages arrive faster than they are handled.',
  'ike-unexpected': 'An unprotected message that would change an established SA (RFC 7296 §2.4).',
  'ike-key-exchange': 'A public key is not valid for its group (RFC 6989 §2).',
  'nat-keepalive': 'A one-octet NAT keepalive, swallowed by design (RFC 3948 §2.3).',
} as const satisfies Record<string, string>

export type Drop = keyof typeof DROPS

/** The order fixes the row of each reason in counters that threads share. */
export const DROP_NAMES = Object.keys(DROPS) as readonly Drop[]

const INDEX = new Map<string, number>(DROP_NAMES.map((name, index) => [name, index]))

/** The row of a reason in shared counters. */
export const dropIndex = (drop: Drop): number => INDEX.get(drop) as number

/** Anything that is not a drop is never a string: offsets are numbers, messages are objects. */
export const isDrop = (value: unknown): value is Drop => typeof value === 'string'
