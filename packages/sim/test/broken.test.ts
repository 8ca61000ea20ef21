import { millis } from '@brunel/base'
import type { IkeEffect } from '@brunel/ikev2'
import { PERFECT, play, type Sabotage, type Scenario, STILL } from '@brunel/sim'
import t from 'tap'

/** Machines broken on purpose: a simulation that does not notice proves nothing. */
type Effects = NonNullable<Sabotage['effects']>
type Send = Extract<IkeEffect, { readonly do: 'send' }>

const each =
  (change: (effect: IkeEffect) => readonly IkeEffect[]): Effects =>
  effects =>
    effects.flatMap(change)

const sends = (change: (send: Send) => readonly IkeEffect[]): Effects =>
  each(e => (e.do === 'send' && isSealed(e) ? change(e) : [e]))
const isSealed = ({ bytes }: Send): boolean => bytes[16] === 46
const isResponse = ({ bytes }: Send): boolean => ((bytes[19] as number) & 0x20) !== 0

/** The same message with another octet at a place. */
function altered(send: Send, at: number, change: (octet: number) => number): Send {
  const bytes = send.bytes.slice()
  const place = at < 0 ? bytes.length + at : at
  bytes[place] = change(bytes[place] as number)
  return { ...send, bytes }
}
const MESSAGE_ID = 23

const slow = { ...PERFECT, delay: 80, jitter: 200 }
const happening = (what: 'down' | 'up', at: number) => ({ at, what, side: 'a' }) as const
/** The unbroken end rekeys too, so that the broken one has to answer. */
const asked: Scenario['happenings'] = [20, 30, 40, 50, 60].map(s => ({
  at: s * 1000,
  what: 'rekey',
  side: 'b',
  sa: 'child',
}))
const plan: Scenario = {
  ...STILL,
  quality: { a: slow, b: slow },
  interval: { a: 20, b: 20 },
  happenings: asked,
}
const lossy = { ...PERFECT, loss: 0.3, duplicate: 0.3 }
const often: Scenario['happenings'] = Array.from({ length: 50 }, (_, n) => ({
  at: 5000 + 2000 * n,
  what: 'rekey',
  side: n % 2 === 0 ? 'a' : 'b',
  sa: 'child',
}))
const trouble: Scenario = {
  ...plan,
  quality: { a: lossy, b: lossy },
  lossless: false,
  happenings: often,
}
const taken: Scenario = { ...trouble, happenings: [happening('down', 10_000), happening('up', 30_000)] }

/** Down while a request for a child is under way. */
const cut: Scenario = {
  ...plan,
  lossless: false,
  happenings: [
    { at: 10_000, what: 'rekey', side: 'a', sa: 'child' },
    happening('down', 10_030),
    happening('up', 30_000),
  ],
}

const certified = { own: 'certificate', theirs: 'certificate' } as const
/** One end has a certificate by an authority that nobody trusts, and at last another one. */
const stranger: Scenario = {
  ...trouble,
  wishes: {
    a: { ...STILL.wishes.a, ...certified },
    b: { ...STILL.wishes.b, ...certified, own: 'certificate of a stranger' },
  },
  happenings: [{ at: 100_000, what: 'wishes', side: 'b', wishes: { own: 'certificate' } }],
}

/** The first octets that were said of each kind, said again when something else is under way. */
function echo(kind: (send: Send) => boolean): Effects {
  let old: Send | undefined
  return sends(send => {
    const again = old
    if (kind(send)) old ??= send
    return again === undefined ? [send] : [send, again]
  })
}

function repeating(kind: (send: Send) => boolean): Effects {
  const said = new Set<string>()
  return sends(send => {
    const name = Buffer.from(send.bytes).toString('latin1')
    if (!kind(send) || !said.has(name)) {
      said.add(name)
      return [send]
    }
    return [altered(send, -1, octet => octet ^ 1)]
  })
}

/** An installation comes one step late, so that it answers to nothing. */
function late(): Effects {
  let held: readonly IkeEffect[] = []
  return effects => {
    const now = [...held, ...effects.filter(e => e.do !== 'child-install')]
    held = effects.filter(e => e.do === 'child-install')
    return now
  }
}

for (const [name, sabotage, seen, on] of [
  [
    'never switches its outbound side',
    { effects: each(e => (e.do === 'child-use' ? [] : [e])) },
    /none that sends/,
  ],
  [
    'gives old children no grace',
    { effects: each(e => (e.do === 'child-remove' ? [{ ...e, grace: millis(0) }] : [e])) },
    /is lost|does not have/,
  ],
  [
    'sends on a child before the peer has it',
    { effects: each(e => (e.do === 'child-install' ? [{ ...e, outbound: true }] : [e])) },
    /is lost|does not have/,
  ],
  [
    'forgets to remove children',
    { effects: each(e => (e.do === 'child-remove' ? [] : [e])) },
    /do not agree on the child/,
  ],
  [
    'installs a child twice',
    { effects: each(e => (e.do === 'child-install' ? [e, e] : [e])) },
    /second SA|twice|wiped/,
  ],
  [
    'mixes up its keys',
    {
      effects: each(e =>
        e.do === 'child-install'
          ? [{ ...e, child: { ...e.child, keysIn: e.child.keysOut, keysOut: e.child.keysIn } }]
          : [e],
      ),
    },
    /different keys for the child/,
  ],
  [
    'takes a child for another than it is',
    {
      effects: each(e =>
        e.do === 'child-install' ? [{ ...e, child: { ...e.child, mode: 'transport' } }] : [e],
      ),
    },
    /the ends hold the child .* as/,
  ],
  [
    'uses one ESP SPI for every child',
    {
      effects: each(e => (e.do === 'child-install' ? [{ ...e, child: { ...e.child, spiIn: 0x1111 } }] : [e])),
    },
    /second SA|do not agree/,
  ],
  ['installs a child that no message asked for', { effects: late() }, /no fresh message|does not agree/],
  [
    'follows the peer to anywhere',
    {
      effects: each(e =>
        e.do === 'keepalive' || e.do === 'send'
          ? [e, { do: 'peer-moved', peer: 'b', local: e.local, remote: e.remote, encapsulation: 'none' }]
          : [e],
      ),
    },
    /for a message that is not fresh/,
  ],
  [
    'keeps its child when it is taken down',
    { effects: each(e => (e.do === 'child-remove' && e.grace === 0 ? [] : [e])) },
    /operator does not want/,
    taken,
  ],
  [
    'asks a second time before it has heard',
    {
      effects: sends(e => (isResponse(e) ? [e] : [e, altered(e, MESSAGE_ID, octet => octet + 1)])),
    },
    /before the answer to/,
  ],
  [
    'skips a Message ID',
    { effects: sends(e => (isResponse(e) ? [e] : [altered(e, MESSAGE_ID, octet => octet * 2)])) },
    /is due: RFC 7296 §2.2/,
  ],
  [
    'repeats a request with other octets',
    { effects: repeating(e => !isResponse(e)) },
    /with other octets: RFC 7296 §2.1/,
    trouble,
  ],
  [
    'answers a repeated request anew',
    { effects: repeating(isResponse) },
    /a second time, and otherwise: RFC 7296 §2.1/,
    trouble,
  ],
  ['answers what nobody asked', { effects: echo(isResponse) }, /has not just asked: RFC 7296 §2.1/],
  [
    'repeats a request that was answered',
    { effects: echo(e => !isResponse(e)) },
    /which was answered|is due|before the answer/,
  ],
  [
    'uses one IKE SPI for every IKE SA',
    { effects: sends(e => [altered(e, e.bytes[19] === 8 ? 15 : 7, () => 0)]) },
    /for two IKE SAs|is no IKE message|has not just asked|no agreement|no data/,
  ],
  [
    'seals twice with one IV',
    {
      cryptography: inner => ({
        ...inner,
        skCipher: (...keys) => {
          const cipher = inner.skCipher(...keys)
          return {
            overhead: length => cipher.overhead(length),
            open: (...what) => cipher.open(...what),
            wipe: () => cipher.wipe(),
            seal: (...what) => inner.skCipher(...keys).seal(...what),
          }
        },
      }),
    },
    /seals twice with one IV/,
  ],
  [
    'takes anybody for its peer',
    { cryptography: inner => ({ ...inner, equal: () => true }) },
    /does not have the secret/,
    { ...trouble, wishes: { a: STILL.wishes.a, b: { ...STILL.wishes.b, psk: 'sword' } } },
  ],
  [
    'trusts every certificate',
    {
      certification: inner => ({
        ...inner,
        verify: () => undefined,
        certify: () => ({
          publicKey: new Uint8Array(1),
          subject: 'anybody',
          issuer: 'anybody',
          serial: '1',
          remaining: 9e9,
          path: [],
          revocation: { state: 'unchecked', detail: '', until: undefined, open: [], concerns: [] },
        }),
      }),
    },
    /does not have the secret/,
    stranger,
  ],
  [
    'keeps ESP SPIs for ever',
    {
      machine: ike => {
        ike.childSpis.free = () => undefined
      },
    },
    /ESP SPIs never given back/,
  ],
  [
    'lets the data path wait for keys that never come',
    { effects: each(e => (e.do === 'esp-spi' && !e.ours ? [] : [e])) },
    /ESP SPIs that are waited for/,
    cut,
  ],
  [
    'forgets no IKE SA',
    {
      machine: ike => {
        ike.forget = () => undefined
      },
    },
    /they leak|IKE SPIs|an alarm at|in the past|without time/,
  ],
] satisfies readonly (readonly [string, Sabotage, RegExp, Scenario?])[]) {
  t.test(`a machine that ${name} is found out`, async t => {
    t.equal(play(on ?? plan, false).violation, undefined, 'the unbroken one is not')
    t.match(play(on ?? plan, false, sabotage).violation?.what, seen)
  })
}
