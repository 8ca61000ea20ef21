import { parseArgs } from 'node:util'

export interface DemoOptions {
  readonly once: boolean
  readonly nat: boolean
  readonly transport: boolean
  readonly raw: boolean
  readonly ipv6: boolean
  /** A post-quantum hybrid and nothing else. */
  readonly pq: boolean
  readonly certificates: boolean
  readonly mobike: boolean
  readonly relay: boolean
  readonly suite: string | undefined
  readonly ike: string | undefined
  readonly seconds: number
}

/** RFC 9370: ML-KEM-768 in IKE_INTERMEDIATE after X25519 in IKE_SA_INIT. */
export const HYBRID = 'aes256gcm16-prfsha384-x25519-ke1_mlkem768'

export const USAGE = `usage: npm run lab [-- OPTIONS]
  --once         show it once, then end with 0 (all as promised) or 1
  --nat          a NAT between the routers
  --transport    ESP transport mode
  --raw          plain protocol 50, no UDP encapsulation
  --ipv6         an IPv6 underlay
  --pq           IKE demands a post-quantum hybrid: X25519, then ML-KEM-768
  --certificates routers prove themselves by certificates of a small authority (brunel pki)
  --mobike       router A changes its address, then its uplink, under ping and TCP (RFC 4555)
  --relay        OSPF routers on the LANs behind the two routers become neighbours: FRR, and what the doctor says
  --suite WORDS  another ESP suite, as swanctl.conf writes it: chacha20poly1305, aes256-sha512-modp3072, …
  --ike WORDS    another IKE suite: aes128gcm16-prfsha256-x25519, …
  --seconds N    length of each iperf3 run (3)
  --help
`

/** Pure. A string is what to say instead of running. */
export function readDemoOptions(argv: readonly string[]): DemoOptions | string {
  const flag = { type: 'boolean', default: false } as const
  const word = { type: 'string' } as const
  try {
    const { values: v } = parseArgs({
      args: [...argv],
      options: {
        ...{ once: flag, nat: flag, transport: flag, raw: flag, ipv6: flag, pq: flag, help: flag },
        ...{ certificates: flag, mobike: flag, relay: flag },
        ...{ suite: word, ike: word, seconds: word },
      },
    })
    if (v.help) return USAGE
    if (v.nat && v.ipv6) return `--nat is for IPv4: nobody should translate IPv6\n${USAGE}`
    if (v.nat && v.raw) return `--raw cannot cross a NAT: protocol 50 has no ports (RFC 3948 §2)\n${USAGE}`
    if (v.pq && v.ike !== undefined) return `--pq chooses the IKE suite; with --ike write ${HYBRID}\n${USAGE}`
    if (v.mobike && v.transport) return `--mobike is for tunnel mode (RFC 4555 §1.2)\n${USAGE}`
    const seconds = Number(v.seconds ?? 3)
    if (!(seconds > 0)) return `--seconds wants a number\n${USAGE}`
    return {
      ...{ once: v.once, nat: v.nat, transport: v.transport, raw: v.raw, ipv6: v.ipv6, pq: v.pq },
      ...{
        certificates: v.certificates,
        mobike: v.mobike,
        relay: v.relay,
        suite: v.suite,
        ike: v.pq ? HYBRID : v.ike,
        seconds,
      },
    }
  } catch (error) {
    return `${(error as Error).message}\n${USAGE}`
  }
}
