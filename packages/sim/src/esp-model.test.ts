import { instant, millis } from '@brunel/base'
import type { Child, IkeInput } from '@brunel/ikev2'
import t from 'tap'
import { EspModel, type PacketLimits } from './esp-model.js'
import { NonceLedger } from './watched-cryptography.js'

const remote = { address: '198.51.100.1', port: 4500 }

function child(spiIn: number, spiOut: number, [keyIn, keyOut]: readonly [number, number]): Child {
  const keys = (fill: number) => ({ encryption: new Uint8Array(36).fill(fill), integrity: new Uint8Array(0) })
  return {
    peer: 'b',
    spiIn,
    spiOut,
    encryption: undefined as never,
    integrity: undefined,
    esn: false,
    mode: 'tunnel',
    modeReason: undefined,
    localSelectors: [],
    remoteSelectors: [],
    keysIn: keys(keyIn),
    keysOut: keys(keyOut),
    encapsulation: 'udp',
    local: { address: '192.0.2.1', port: 4500 },
    remote,
    nat: { local: false, remote: false },
    replaces: undefined,
    tfcPadding: true,
  }
}

function pair(limits?: PacketLimits) {
  let now = 0
  const violations: string[] = []
  const violation = (what: string): number => violations.push(what)
  const ledger = new NonceLedger(violation)
  const model = (): EspModel =>
    new EspModel({ now: () => instant(now), ledger, violation, installed: () => undefined }, limits)
  const [a, b] = [model(), model()]
  a.perform({ do: 'child-install', child: child(1001, 2001, [1, 2]), outbound: true })
  b.perform({ do: 'child-install', child: child(2001, 1001, [2, 1]), outbound: false })
  return { a, b, violations, wait: (ms: number) => (now += ms) }
}

const names = (news: readonly IkeInput[]): string[] => news.map(n => n.on)

t.test('a datum arrives once; the first one on an SA is news', async t => {
  const { a, b, violations } = pair()
  const sealed = a.seal(7)!
  const opened = b.open(sealed.bytes, remote)
  t.match(opened, { number: 7, news: [{ on: 'child-used', spiIn: 2001 }] })
  t.same(b.open(sealed.bytes, remote), [], 'a replay')
  t.match(b.open(a.seal(8)!.bytes, remote), { number: 8, news: [] })
  t.equal(b.seal(1), undefined, 'b may not send yet')
  b.perform({ do: 'child-use', peer: 'a', spiIn: 2001 })
  t.match(a.open(b.seal(1)!.bytes, remote), { number: 1 })
  t.same(violations, [])
})

t.test('a bent packet, a stranger SPI and a moved peer are told apart', async t => {
  const { a, b } = pair()
  const bytes = a.seal(7)!.bytes
  const bent = bytes.slice()
  bent[20]! ^= 1
  t.same(b.open(bent, remote), [])
  t.equal(b.counters.forged, 1)
  const stranger = bytes.slice()
  stranger[3]! ^= 1
  t.same(names(b.open(stranger, remote) as IkeInput[]), ['unknown-esp-spi'])
  const moved = { address: '203.0.113.5', port: 40000 }
  const opened = b.open(bytes, moved)
  t.match(opened, { news: [{ on: 'child-used' }, { on: 'esp-source', remote: moved }] })
  b.perform({ do: 'peer-moved', peer: 'b', local: remote, remote: moved, encapsulation: 'udp' })
  t.match(b.open(a.seal(8)!.bytes, moved), { news: [] })
})

t.test('a removed child receives through its grace and never sends', async t => {
  const { a, b, wait } = pair()
  const [first, second] = [a.seal(1)!.bytes, a.seal(2)!.bytes]
  b.perform({ do: 'child-remove', peer: 'a', spiIn: 2001, grace: millis(5000) })
  wait(5000)
  t.match(b.open(first, remote), { number: 1 })
  wait(1)
  t.same(names(b.open(second, remote) as IkeInput[]), ['unknown-esp-spi'])
  t.equal(b.seal(1), undefined)
  t.same(b.installed, [])
})

t.test('soft and hard limits are told, and nothing passes the hard one', async t => {
  const { a } = pair({ soft: 2, hard: 3 })
  const heard = [1, 2, 3].map(n => names(a.seal(n)!.news))
  t.same(heard, [[], ['child-limit'], ['child-limit']])
  t.equal(a.seal(4), undefined)
})

t.test('what the machine must not do is a violation', async t => {
  const { a, violations } = pair()
  a.perform({ do: 'child-install', child: child(1001, 3001, [3, 4]), outbound: true })
  a.perform({ do: 'child-install', child: child(1002, 3002, [5, 5]), outbound: false })
  a.perform({ do: 'child-install', child: child(1003, 3003, [0, 6]), outbound: false })
  a.perform({ do: 'child-use', peer: 'b', spiIn: 9 })
  a.perform({ do: 'child-remove', peer: 'b', spiIn: 9, grace: millis(0) })
  a.perform({ do: 'child-install', child: child(1004, 200, [7, 8]), outbound: false })
  t.same(violations, [
    'inbound SPI 000003e9 installed twice',
    'both directions have one key',
    'a child came with wiped keys',
    'child-use of 00000009, which is not there',
    'child-remove of 00000009, which is not there',
    'a reserved ESP SPI, RFC 4303 §2.1',
  ])
})

t.test('a key used by a second SA repeats its nonces, which is a violation', async t => {
  const { a, violations } = pair()
  a.seal(1)
  a.perform({ do: 'child-install', child: child(1002, 2002, [3, 2]), outbound: true })
  a.seal(2)
  t.same(violations, ['ESP nonce 1 used again after 1 under one key'])
})

t.test('installed keys are wiped', async t => {
  const { a } = pair()
  const given = child(1005, 2005, [9, 10])
  a.perform({ do: 'child-install', child: given, outbound: false })
  t.ok([...given.keysIn.encryption, ...given.keysOut.encryption].every(octet => octet === 0))
})
