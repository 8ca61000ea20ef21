import { instant } from '@brunel/base'
import fc from 'fast-check'
import t from 'tap'
import { computeMtu, type EspLengths, type MtuParameters } from './compute.js'
import { PathMtu } from './path-mtu.js'
import { wireMtu } from './units.js'

const SUITES = {
  'AES-GCM-16, ChaCha20-Poly1305': { ivLength: 8, blockLength: 1, icvLength: 16 },
  'AES-GCM-16, implicit IV': { ivLength: 0, blockLength: 1, icvLength: 16 },
  'AES-CBC + SHA2-256-128': { ivLength: 16, blockLength: 16, icvLength: 16 },
  'AES-CBC + SHA2-384-192': { ivLength: 16, blockLength: 16, icvLength: 24 },
  'AES-CBC + SHA2-512-256': { ivLength: 16, blockLength: 16, icvLength: 32 },
} as const satisfies Record<string, EspLengths>

const tunnel: MtuParameters = {
  underlayMtu: wireMtu(1500),
  outerFamily: 4,
  encapsulation: 'none',
  mode: 'tunnel',
  suite: SUITES['AES-GCM-16, ChaCha20-Poly1305'],
  deliveryFamily: 4,
  greKey: false,
  greChecksum: false,
  greSequence: false,
}
const COLUMNS: readonly (readonly [string, Partial<MtuParameters>])[] = [
  ['tunnel', {}],
  ['tunnel + NAT-T', { encapsulation: 'udp' }],
  ['tunnel + NAT-T + key', { encapsulation: 'udp', greKey: true }],
  ['transport', { mode: 'transport' }],
  ['transport + NAT-T', { mode: 'transport', encapsulation: 'udp' }],
  ['tunnel over IPv6', { outerFamily: 6 }],
  ['tunnel over PPPoE', { underlayMtu: wireMtu(1492) }],
  ['tunnel over PPPoE + NAT-T', { underlayMtu: wireMtu(1492), encapsulation: 'udp' }],
]

/** Inner MTU, one row a suite, one column each of the above. undefined: not stated, see the property below. */
const TABLE: Record<keyof typeof SUITES, readonly (number | undefined)[]> = {
  'AES-GCM-16, ChaCha20-Poly1305': [1422, 1414, 1410, 1442, 1434, 1402, 1414, 1406],
  'AES-GCM-16, implicit IV': [1430, 1422, 1418, 1450, 1442, 1410, 1422, 1414],
  'AES-CBC + SHA2-256-128': [1414, 1398, 1394, 1434, 1418, 1382, 1398, 1398],
  'AES-CBC + SHA2-384-192': [1398, 1398, 1394, 1418, 1418, 1382, 1398, 1382],
  'AES-CBC + SHA2-512-256': [1398, 1382, 1378, 1418, 1402, 1366, 1382, 1382],
}

for (const [name, row] of Object.entries(TABLE)) {
  for (const [index, want] of row.entries()) {
    if (want === undefined) continue
    const [column, over] = COLUMNS[index]!
    t.test(`RFC 4303 §2.4: ${name}, ${column}: ${want}`, async t => {
      const result = computeMtu({ ...tunnel, ...over, suite: SUITES[name as keyof typeof SUITES] })
      t.equal(result.mtu, want)
      t.same([result.mssIpv4, result.mssIpv6], [want - 40, want - 60])
    })
  }
}

t.test('RFC 7676 §4: an IPv6 delivery header inside the tunnel costs 20 more', async t => {
  t.equal(computeMtu({ ...tunnel, deliveryFamily: 6 }).mtu, 1402)
  t.equal(computeMtu({ ...tunnel, deliveryFamily: 6, outerFamily: 6 }).mtu, 1382)
  t.equal(
    computeMtu({ ...tunnel, deliveryFamily: 6, mode: 'transport' }).mtu,
    1442,
    'transport mode has none',
  )
})

t.test('RFC 2890 §2: key, checksum and sequence number cost 4 octets each', async t => {
  t.equal(computeMtu({ ...tunnel, greChecksum: true }).mtu, 1418)
  t.equal(computeMtu({ ...tunnel, greSequence: true }).mtu, 1418)
  t.equal(computeMtu({ ...tunnel, greKey: true, greChecksum: true, greSequence: true }).mtu, 1410)
})

t.test('the arithmetic is shown line by line', async t =>
  t.same(
    computeMtu({
      ...tunnel,
      encapsulation: 'udp',
      greKey: true,
      suite: SUITES['AES-CBC + SHA2-256-128'],
    }).steps.map(step => `${step.octets} ${step.label}`),
    [
      '1500 underlay MTU',
      '-20 outer IPv4 header',
      '-8 UDP header (NAT traversal)',
      '-8 ESP header',
      '-16 ESP IV',
      '-16 ESP ICV',
      '-8 rounded down to a multiple of 16',
      '-2 ESP pad length and next header',
      '-20 delivery IPv4 header',
      '-4 GRE header',
      '-4 GRE key',
      '1394 inner MTU',
    ],
  ),
)

const parameters: fc.Arbitrary<MtuParameters> = fc.record({
  underlayMtu: fc.integer({ min: 300, max: 9216 }).map(wireMtu),
  outerFamily: fc.constantFrom(4 as const, 6 as const),
  encapsulation: fc.constantFrom('udp' as const, 'none' as const),
  mode: fc.constantFrom('tunnel' as const, 'transport' as const),
  suite: fc.constantFrom(...Object.values(SUITES)),
  deliveryFamily: fc.constantFrom(4 as const, 6 as const),
  greKey: fc.boolean(),
  greChecksum: fc.boolean(),
  greSequence: fc.boolean(),
})

/** Octets on the wire for an inner packet, built up from the inside, padding included. */
function onTheWire(m: MtuParameters, inner: number): number {
  const header = (family: 4 | 6): number => (family === 4 ? 20 : 40)
  const gre = 4 + (m.greKey ? 4 : 0) + (m.greChecksum ? 4 : 0) + (m.greSequence ? 4 : 0)
  const plaintext = inner + gre + (m.mode === 'tunnel' ? header(m.deliveryFamily) : 0) + 2
  const block = Math.max(4, m.suite.blockLength)
  const padded = Math.ceil(plaintext / block) * block
  return (
    header(m.outerFamily) +
    (m.encapsulation === 'udp' ? 8 : 0) +
    8 +
    m.suite.ivLength +
    padded +
    m.suite.icvLength
  )
}

t.test('RFC 4303 §2.4: the MTU fits the underlay and one octet more does not; the lines add up', async () =>
  fc.assert(
    fc.property(parameters, m => {
      const { mtu, steps } = computeMtu(m)
      const sum = steps.slice(0, -1).reduce((total, step) => total + step.octets, 0)
      return onTheWire(m, mtu) <= m.underlayMtu && onTheWire(m, mtu + 1) > m.underlayMtu && sum === mtu
    }),
  ),
)

t.test('RFC 7676 §3.2: below 1280 the tunnel carries no IPv6', async t => {
  t.equal(computeMtu({ ...tunnel, underlayMtu: wireMtu(1358) }).mtu, 1278)
  t.equal(computeMtu({ ...tunnel, underlayMtu: wireMtu(1358) }).carriesIpv6, false)
  t.equal(computeMtu({ ...tunnel, underlayMtu: wireMtu(1360) }).mtu, 1282)
  t.equal(computeMtu({ ...tunnel, underlayMtu: wireMtu(1360) }).carriesIpv6, true)
})

t.test('an underlay that carries nothing gives zeros, not negative numbers', async t => {
  const { mtu, espMtu, mssIpv4, mssIpv6 } = computeMtu({ ...tunnel, underlayMtu: wireMtu(40) })
  t.same([mtu, espMtu, mssIpv4, mssIpv6], [0, 0, 0, 0])
})

t.test(
  'RFC 4301 §8.2.1, §6.2: a "too big" of the underlay becomes a new inner MTU by the same arithmetic',
  async t => {
    const path = new PathMtu(4, wireMtu(1500))
    path.handle(instant(0), { on: 'too-big', mtu: 1400 })
    const lowered = computeMtu({ ...tunnel, underlayMtu: path.mtu })
    t.same([lowered.mtu, lowered.mssIpv4, lowered.carriesIpv6], [1322, 1282, true])
  },
)
