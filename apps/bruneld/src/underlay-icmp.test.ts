import t from 'tap'
import { accepts, ICMP_CHOICES, quotes } from './underlay-icmp.js'

const event = (more: object = {}) => ({
  on: 'too-big' as const,
  remote: { address: '198.51.100.7', port: 4500 },
  spi: 0xc0ffee01,
  mtu: 1300,
  ...more,
})
const inUdp = {
  spiOut: 0xc0ffee01,
  encapsulation: 'udp' as const,
  remote: { address: '198.51.100.7', port: 4500 },
}
const bare = {
  spiOut: 0xc0ffee01,
  encapsulation: 'none' as const,
  remote: { address: '198.51.100.7', port: 0 },
}

for (const [title, report, child, want] of [
  ['our SPI in UDP', event(), inUdp, true],
  ['our SPI on protocol 50', event({ remote: bare.remote }), bare, true],
  ['our SPI as a signed number', event({ spi: 0xc0ffee01 | 0 }), inUdp, true],
  ['an SPI that is not ours', event({ spi: 0xc0ffee02 }), inUdp, false],
  ['an SPI that is not ours, on protocol 50', event({ remote: bare.remote, spi: 1000 }), bare, false],
  ['our SPI, to somebody else', event({ remote: { address: '198.51.100.8', port: 4500 } }), inUdp, false],
  ['no SPI, our port pair', event({ spi: 0 }), inUdp, true],
  [
    'no SPI, another port pair',
    event({ spi: 0, remote: { address: '198.51.100.7', port: 500 } }),
    inUdp,
    false,
  ],
  ['no SPI, on protocol 50', event({ spi: 0, remote: bare.remote }), bare, false],
] as const) {
  t.test(
    `RFC 4301 §8.2.1, §8.2.2: what an ICMP quotes: ${title}: ${want ? 'lowers the MTU' : 'ignored'}`,
    async t => {
      t.equal(quotes(report, child), want)
    },
  )
}

t.test('RFC 4301 §6.1.1: unauthenticated ICMP is accepted or refused by type, as configured', async t => {
  const v6 = event({ remote: { address: '2001:db8::7', port: 4500 } })
  t.same(
    ICMP_CHOICES.map(choice => [choice, accepts(choice, event()), accepts(choice, v6)]),
    [
      ['both', true, true],
      ['ipv4', true, false],
      ['ipv6', false, true],
      ['none', false, false],
    ],
  )
})
