import fc from 'fast-check'
import t from 'tap'
import type { TrafficSelector } from './contract.js'
import {
  greSelector,
  hostSelector,
  intersection,
  isPairWithin,
  isWithin,
  narrow,
  narrowForRekey,
  sameSelectors,
  selectorText,
  withAddress,
} from './selectors.js'

const ts = (
  protocol: number,
  start: string,
  end: string,
  startPort = 0,
  endPort = 65535,
): TrafficSelector => ({
  protocol,
  startPort,
  endPort,
  startAddress: start,
  endAddress: end,
})
const [A, B] = ['192.0.2.1', '198.51.100.7']
const GRE_PAIR = { tsi: [greSelector(A)], tsr: [greSelector(B)] }
const ALL4 = ts(0, '0.0.0.0', '255.255.255.255')
const text = (selectors: readonly TrafficSelector[]): string => selectors.map(selectorText).join(' ')

for (const [title, offer, want] of [
  ['protocol 47 between the hosts', GRE_PAIR, [greSelector(A)]],
  [
    'any protocol between the hosts',
    { tsi: [hostSelector(0, A)], tsr: [hostSelector(0, B)] },
    [greSelector(A)],
  ],
  ['everything', { tsi: [ALL4], tsr: [ALL4] }, [greSelector(A)]],
  ['a subnet around them', { tsi: [ts(0, '192.0.2.0', '192.0.2.255')], tsr: [ALL4] }, [greSelector(A)]],
  [
    'the packet that asked, then everything',
    { tsi: [greSelector(A), ALL4], tsr: [greSelector(B), ALL4] },
    [greSelector(A)],
  ],
  ['TCP between the hosts', { tsi: [hostSelector(6, A)], tsr: [hostSelector(6, B)] }, undefined],
  ['GRE between other hosts', { tsi: [greSelector('192.0.2.9')], tsr: [greSelector(B)] }, undefined],
  ['one side only', { tsi: [greSelector(A)], tsr: [hostSelector(47, A)] }, undefined],
  [
    'the other address family',
    { tsi: [ts(0, '::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')], tsr: [ALL4] },
    undefined,
  ],
  ['nothing', { tsi: [], tsr: [] }, undefined],
] as const)
  t.test(
    `RFC 7296 §2.9: our policy is GRE host to host; offered ${title}: ${want ? text(want) : 'TS_UNACCEPTABLE'}`,
    async t => {
      t.same(narrow(offer, GRE_PAIR)?.tsi, want)
    },
  )

t.test('RFC 7296 §2.9: the selectors of the packet stay in the answer where policy takes them', async t => {
  const policy = { tsi: [ts(0, '10.0.0.0', '10.0.0.255')], tsr: [ts(0, '10.1.0.0', '10.1.0.255')] }
  const offer = {
    tsi: [ts(6, '10.0.0.5', '10.0.0.5', 80, 80), ts(0, '10.0.0.0', '10.0.255.255')],
    tsr: [ALL4],
  }
  const narrowed = narrow(offer, policy)
  t.same(narrowed?.tsi, policy.tsi)
  t.ok(isWithin([offer.tsi[0] as TrafficSelector], narrowed?.tsi ?? []))
})

for (const [title, a, b, want] of [
  ['ports that overlap', ts(6, A, A, 80, 90), ts(6, A, A, 85, 95), `${A}[6/85-90]`],
  ['ports that do not', ts(6, A, A, 80, 84), ts(6, A, A, 85, 95), ''],
  ['ANY ports and OPAQUE', ts(6, A, A), ts(6, A, A, 65535, 0), `${A}[6/opaque]`],
  ['OPAQUE and OPAQUE', ts(6, A, A, 65535, 0), ts(6, A, A, 65535, 0), `${A}[6/opaque]`],
  ['OPAQUE and a range', ts(6, A, A, 65535, 0), ts(6, A, A, 0, 1000), ''],
  [
    'addresses that overlap',
    ts(0, '10.0.0.0', '10.0.0.9'),
    ts(0, '10.0.0.5', '10.0.1.0'),
    '10.0.0.5..10.0.0.9[any]',
  ],
  [
    'addresses compared as numbers, not text',
    ts(0, '10.0.0.9', '10.0.0.20'),
    ts(0, '10.0.0.10', '10.0.0.100'),
    '10.0.0.10..10.0.0.20[any]',
  ],
  [
    'IPv6 hosts',
    ts(47, '2001:db8::1', '2001:db8::1'),
    ts(0, '2001:db8::', '2001:db8::ffff'),
    '2001:db8::1[gre]',
  ],
] as const)
  t.test(`RFC 7296 §3.13.1: ${title}: ${want === '' ? 'nothing in common' : want}`, async t => {
    t.equal(text(intersection([a], [b])), want)
    t.equal(text(intersection([b], [a])), want)
  })

t.test('RFC 7296 §2.9: an initiator takes a reply within what it sent, and nothing else', async t => {
  const sent = { tsi: [ts(0, '10.0.0.0', '10.0.0.255')], tsr: [ts(0, '10.1.0.0', '10.1.0.255')] }
  t.ok(isPairWithin(sent, sent))
  t.ok(isPairWithin({ tsi: [hostSelector(47, '10.0.0.1')], tsr: [hostSelector(47, '10.1.0.1')] }, sent))
  t.notOk(isPairWithin({ tsi: [ts(0, '10.0.0.0', '10.0.1.0')], tsr: sent.tsr }, sent), 'wider on one side')
  t.notOk(isPairWithin({ tsi: sent.tsi, tsr: [ALL4] }, sent), 'wider on the other')
  t.notOk(isPairWithin({ tsi: [], tsr: sent.tsr }, sent), 'empty')
  t.notOk(isPairWithin({ tsi: [...sent.tsi, hostSelector(0, A)], tsr: sent.tsr }, sent), 'one of two outside')
})

t.test('RFC 7296 §2.9.2: a rekey keeps the selectors in use, or is refused', async t => {
  t.same(narrowForRekey({ tsi: [ALL4], tsr: [ALL4] }, GRE_PAIR), GRE_PAIR)
  t.same(narrowForRekey(GRE_PAIR, GRE_PAIR), GRE_PAIR)
  t.equal(narrowForRekey({ tsi: [hostSelector(6, A)], tsr: [ALL4] }, GRE_PAIR), undefined)
})

t.test(
  'RFC 7296 §2.23.1: in transport mode behind a NAT the address that it changed is put back',
  async t => {
    t.same(withAddress([greSelector('10.0.0.5')], '10.0.0.5', '203.0.113.9'), [greSelector('203.0.113.9')])
    const others = [greSelector(A), ts(0, '10.0.0.0', '10.0.0.255'), greSelector('2001:db8::1')]
    t.same(withAddress(others, '10.0.0.5', '203.0.113.9'), others)
  },
)

t.test('selectors are the same in any order, however an address is written', async t => {
  t.ok(
    sameSelectors(
      [greSelector(A), greSelector('2001:db8::1')],
      [greSelector('2001:DB8:0::1'), greSelector(A)],
    ),
  )
  t.notOk(sameSelectors([greSelector(A)], [greSelector(B)]))
  t.notOk(sameSelectors([greSelector(A)], [greSelector(A), greSelector(B)]))
})

const octet = fc.integer({ min: 0, max: 6 })
const range = fc.tuple(octet, octet).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const)
const selector = fc
  .tuple(fc.constantFrom(0, 6, 47), range, fc.oneof(fc.constant([0, 65535] as const), range))
  .map(([protocol, [x, y], [p, q]]) => ts(protocol, `10.0.0.${x}`, `10.0.0.${y}`, p, q))
const some = fc.array(selector, { maxLength: 3 })
/** Every packet of a small world that a list of selectors matches. */
const packets = (list: readonly TrafficSelector[]): string[] =>
  [6, 47].flatMap(protocol =>
    [0, 3, 6].flatMap(port =>
      [0, 1, 2, 3, 4, 5, 6].flatMap(host =>
        list.some(
          s =>
            (s.protocol === 0 || s.protocol === protocol) &&
            s.startPort <= port &&
            port <= s.endPort &&
            Number(s.startAddress.slice(7)) <= host &&
            host <= Number(s.endAddress.slice(7)),
        )
          ? [`${protocol} ${port} ${host}`]
          : [],
      ),
    ),
  )

t.test(
  'RFC 7296 §2.9: narrowing is the intersection: never wider than the offer or the policy, and no packet lost',
  async t => {
    fc.assert(
      fc.property(some, some, (a, b) => {
        const both = packets(b).filter(packet => packets(a).includes(packet))
        t.same(packets(intersection(a, b)).sort(), both.sort())
        const narrowed = intersection(a, b)
        return narrowed.length === 0 || (isWithin(narrowed, a) && isWithin(narrowed, b))
      }),
      { numRuns: 300 },
    )
  },
)
