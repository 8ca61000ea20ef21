import { instant } from '@brunel/base'
import t from 'tap'
import { up } from './forge.js'
import { Lab, peerFor, Router } from './lab.js'

t.test('an added peer is negotiating in the same breath', async t => {
  const lab = new Lab()
  const effects = lab.feed(lab.a, { on: 'peer-set', peer: peerFor(lab.a, lab.b) })
  t.match(effects, [{ do: 'report', event: { event: 'initiating' } }, { do: 'send' }])
})

t.test('an unchanged peer is not touched', async t => {
  const lab = up()
  t.strictSame(lab.feed(lab.a, { on: 'peer-set', peer: peerFor(lab.a, lab.b) }), [])
  t.equal(lab.a.children.size, 1)
})

t.test('new lifetimes are applied in place and counted from the birth of each SA', async t => {
  const lab = up()
  lab.feed(lab.a, {
    on: 'peer-set',
    peer: peerFor(lab.a, lab.b, { espLifetime: 60_000, ikeLifetime: 120_000 }),
  })
  t.strictSame(lab.ladder, [])
  lab.run(59_000)
  t.equal(lab.a.event('child-rekeyed').length, 1)
  lab.run(119_000)
  t.equal(lab.a.event('ike-rekeyed').length, 1)
})

t.test('another PSK closes the SAs of that peer with a Delete and begins anew', async t => {
  const lab = up()
  lab.feed(lab.a, { on: 'peer-set', peer: peerFor(lab.a, lab.b, { psk: 'other' }) })
  t.equal(lab.a.children.size, 0)
  t.match(
    lab.sent.map(d => d.text),
    [/D\(IKE\)/, /^IKE_SA_INIT request/],
  )
  lab.run(1500)
  t.match(lab.b.event('failed')[0]?.why, { code: 'BRUNEL_IKE_WRONG_PSK' })
  lab.feed(lab.b, { on: 'peer-set', peer: peerFor(lab.b, lab.a, { psk: 'other', initiate: false }) })
  lab.run(15_000)
  t.equal(lab.a.children.size, 1)
})

t.test('a change to one peer leaves the others alone', async t => {
  const lab = up()
  const third = new Router('C', '192.0.2.3', { seed: 5, settings: {}, crypto: lab.crypto })
  const before = JSON.stringify(lab.a.ike.report('B'))
  lab.feed(lab.a, { on: 'peer-set', peer: peerFor(lab.a, third) })
  lab.feed(lab.a, { on: 'peer-set', peer: peerFor(lab.a, third, { psk: 'x' }) })
  lab.feed(lab.a, { on: 'peer-removed', peer: 'C' })
  t.equal(JSON.stringify(lab.a.ike.report('B')), before)
  t.equal(lab.a.ike.report('C'), undefined)
})

t.test(
  'a peer that does not answer is tried for ever, soon at first, and never more than 15 s apart',
  async t => {
    const lab = new Lab({ rule: () => [] })
    lab.both()
    lab.run(10 * 60_000)
    const sent = lab.ladder.map(line => Number.parseInt(line, 10))
    t.ok((sent[1] ?? 0) <= 2000)
    t.ok(Math.max(...sent.slice(1).map((at, i) => at - (sent[i] as number))) <= 15_000)
    t.ok((sent.at(-1) ?? 0) > 9 * 60_000)
    t.match(lab.a.ike.report('B')?.lastFailure, { code: 'BRUNEL_IKE_PEER_SILENT' })
  },
)

for (const [name, code, change, onlyB, side] of [
  ['another PSK', 'BRUNEL_IKE_WRONG_PSK', {}, { psk: 'other' }, 'b'],
  ['another PSK, seen by the initiator', 'BRUNEL_IKE_AUTHENTICATION_REFUSED', {}, { psk: 'other' }, 'a'],
  [
    'no IKE proposal in common',
    'BRUNEL_IKE_NO_COMMON_PROPOSAL',
    {},
    { ike: ['aes128-sha256-modp2048'] },
    'b',
  ],
  [
    'no IKE proposal in common, at the initiator',
    'BRUNEL_IKE_PROPOSAL_REFUSED',
    {},
    { ike: ['aes128-sha256-modp2048'] },
    'a',
  ],
  ['no ESP proposal in common', 'BRUNEL_IKE_NO_COMMON_ESP_PROPOSAL', {}, { esp: ['aes128-sha256'] }, 'b'],
  [
    'no ESP proposal in common, at the initiator',
    'BRUNEL_IKE_ESP_PROPOSAL_REFUSED',
    {},
    { esp: ['aes128-sha256'] },
    'a',
  ],
  [
    'an identity that B does not expect',
    'BRUNEL_IKE_WRONG_ID',
    { localId: 'x.example.net' },
    { localId: 'b.example.net' },
    'b',
  ],
  ['an identity that A does not expect', 'BRUNEL_IKE_WRONG_ID', { remoteId: 'x.example.net' }, {}, 'a'],
] as const) {
  t.test(`what fails is told in words: ${name}`, async t => {
    const lab = new Lab()
    lab.both(change, { remoteId: 'a.example.net', ...onlyB })
    lab.run(900)
    const [failed] = lab[side].event('failed')
    t.match(failed?.why, { code, sentence: /\w+ .*\./, remedy: /\w+ / })
    t.ok(Object.keys(failed?.why.evidence ?? {}).length > 0)
  })
}

t.test('RFC 7296 §2.12: no secret is in a report, an event, a failure or the machine as JSON', async t => {
  const lab = new Lab({ seed: 3 })
  lab.both({ psk: 'a-very-secret-shield' })
  lab.run(2000)
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'ike' })
  lab.run(3000)
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
  const keys = lab.routers.flatMap(r =>
    r.effects.flatMap(e =>
      e.do === 'child-install' ? [hex(e.child.keysIn.encryption), hex(e.child.keysOut.encryption)] : [],
    ),
  )
  t.ok(keys.length >= 4)
  for (const r of lab.routers) {
    const shown = JSON.stringify([r.ike.reports(), r.events, r.drops, [...r.spis]])
    for (const secret of ['a-very-secret-shield', hex(Buffer.from('a-very-secret-shield')), ...keys])
      t.notOk(shown.includes(secret))
  }
})

t.test('RFC 7296 §2.12: when an IKE SA ends its keys are erased', async t => {
  const wiped: Uint8Array[] = []
  const { readableCryptography } = await import('./wire-tap.js')
  const wipe = (secret: Uint8Array): void => {
    wiped.push(secret)
    readableCryptography.wipe(secret)
  }
  const lab = new Lab({ crypto: { ...readableCryptography, wipe } })
  lab.both()
  lab.run(1000)
  const before = wiped.length
  lab.feed(lab.a, { on: 'down', peer: 'B' })
  lab.run(2000)
  // SK_d, SK_ai, SK_ar, SK_ei, SK_er, SK_pi, SK_pr of both ends.
  t.ok(wiped.length - before >= 14)
  t.ok(wiped.every(secret => secret.every(octet => octet === 0)))
})

t.test('up, down and acquire', async t => {
  const lab = new Lab()
  lab.both({ initiate: false })
  lab.run(5000)
  t.strictSame(lab.ladder, [])
  t.equal(lab.a.ike.report('B')?.state, 'idle')
  lab.feed(lab.a, { on: 'acquire', peer: 'B' })
  lab.run(6000)
  t.equal(lab.a.ike.report('B')?.state, 'established')
  lab.feed(lab.b, { on: 'down', peer: 'A' })
  lab.run(8000)
  t.equal(lab.a.ike.report('B')?.state, 'idle')
  t.equal(lab.b.ike.report('A')?.state, 'down')
  lab.feed(lab.a, { on: 'up', peer: 'B' })
  lab.run(12_000)
  t.equal(lab.a.children.size, 0, 'B is administratively down and does not answer')
  lab.feed(lab.b, { on: 'up', peer: 'A' })
  lab.run(20_000)
  t.equal(lab.a.children.size, 1)
})

t.test('RFC 7296 §2.4: a peer that restarts without a word is met again: INITIAL_CONTACT', async t => {
  const lab = up()
  lab.restart(lab.a, 77)
  lab.at(instant(5000), () => lab.feed(lab.a, { on: 'peer-set', peer: peerFor(lab.a, lab.b) }))
  lab.run(6000)
  for (const r of lab.routers) {
    t.equal(r.children.size, 1)
    t.equal(r.ike.report(lab.other(r).name)?.sas.length, 1)
  }
})

t.test(
  'RFC 7296 §2.4: who begins before the other end is configured does not wait for its repetition',
  async t => {
    for (const [title, initiate, within] of [
      ['the second end only answers', false, 2600],
      ['the second end begins too', true, 2600],
    ] as const) {
      const lab = new Lab()
      lab.feed(lab.a, { on: 'peer-set', peer: peerFor(lab.a, lab.b) })
      lab.run(2500)
      lab.feed(lab.b, { on: 'peer-set', peer: peerFor(lab.b, lab.a, { initiate }) })
      lab.run(within)
      t.strictSame([lab.a.children.size, lab.b.children.size], [1, 1], title)
      lab.run(60_000)
      t.strictSame([lab.a.children.size, lab.b.children.size], [1, 1], title)
      t.equal(lab.a.event('ike-up').length, 1, `${title}: one IKE SA, nothing had to be settled`)
    }
  },
)

t.test('who begins before the other end is configured is not answered by a peer that is another', async t => {
  const lab = new Lab()
  lab.feed(lab.a, { on: 'peer-set', peer: peerFor(lab.a, lab.b) })
  lab.run(500)
  const other = peerFor(lab.b, lab.a, { initiate: false, remoteAddress: '203.0.113.9', remoteId: undefined })
  lab.feed(lab.b, { on: 'peer-set', peer: other })
  t.equal(lab.b.effects.filter(effect => effect.do === 'send').length, 0)
})
