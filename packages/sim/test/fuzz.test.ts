import { readFileSync } from 'node:fs'
import { Ike } from '@brunel/ikev2'
import t from 'tap'
import { TOPICS } from '../src/fuzz/conversation.js'
import { corpusText, parseCorpus } from '../src/fuzz/corpus.js'
import { Fuzzer, hear } from '../src/fuzz/fuzz.js'

const CORPUS = new URL('../../vectors/ike-corpus.txt', import.meta.url)

t.test(
  'every mutant that was ever worth keeping is taken without an exception, a loop or a leak',
  async t => {
    const corpus = parseCorpus(readFileSync(CORPUS, 'utf8'))
    t.ok(corpus.length > 100)
    for (const mutant of corpus)
      t.equal(
        hear(mutant),
        undefined,
        `${mutant.topic} ${mutant.nth} ${Buffer.from(mutant.bytes).toString('hex')}`,
      )
  },
)

t.test('RFC 7296 §2.21: nearly valid messages by the thousand end no machine', async t => {
  const fuzzer = new Fuzzer()
  for (let seed = 1; seed <= 200; seed++)
    t.equal(fuzzer.ordeal(seed), undefined, `npm run fuzz -- --from ${seed}`)
  t.ok(fuzzer.messages > 5000, `${fuzzer.messages} messages`)
  const reactions = fuzzer.mutants.map(mutant => mutant.reaction).join('\n')
  // They reach deep: what is inside encrypted payloads is judged, not only its wrapping.
  for (const depth of [
    'drop ike-length',
    'drop ike-truncated',
    'drop ike-integrity',
    'N(INVALID_SYNTAX)',
    'N(UNSUPPORTED_CRITICAL_PAYLOAD)',
    'N(AUTHENTICATION_FAILED)',
    'N(TEMPORARY_FAILURE)',
    'BRUNEL_IKE_MALFORMED',
    'BRUNEL_IKE_REFUSED',
    'BRUNEL_IKE_WRONG_ID',
    'child-install',
  ])
    t.ok(reactions.includes(depth), depth)
  t.same(new Set(fuzzer.mutants.map(mutant => mutant.topic)).size, TOPICS.length)
})

t.test('the corpus is a text that comes back as it was', async t => {
  const fuzzer = new Fuzzer()
  for (let seed = 1; seed <= 5; seed++) fuzzer.ordeal(seed)
  const text = corpusText(fuzzer.mutants)
  t.ok(text.length > 100)
  t.same(
    parseCorpus(text).map(m => `${m.topic} ${m.nth} ${Buffer.from(m.bytes).toString('hex')}`),
    text.trim().split('\n'),
  )
})

/** How `handle` is bent, and what the fuzzer must say of it. */
for (const [title, fault, bend] of [
  ['throws', /TypeError/, () => undefined as never],
  [
    'floods',
    /effects of one input/,
    effects => Array.from({ length: 101 }, () => effects[0] ?? { do: 'none' }),
  ],
] as const satisfies readonly (readonly [
  string,
  RegExp,
  (effects: readonly unknown[]) => readonly unknown[],
])[])
  t.test(`a machine that ${title} is noticed`, async t => {
    const fuzzer = new Fuzzer()
    const { handle } = Ike.prototype
    let left = 40
    t.intercept(Ike.prototype, 'handle', {
      value(this: Ike, ...input: Parameters<typeof handle>) {
        const effects = handle.apply(this, input)
        return left-- > 0 ? effects : bend(effects)
      },
    })
    t.match(fuzzer.ordeal(1) ?? '', fault)
  })
