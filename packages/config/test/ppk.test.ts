import t from 'tap'
import {
  normalise,
  type PeerDocument,
  redact,
  secretsOf,
  verifyPeer,
  warningsOf,
  withDefaults,
} from '../src/index.js'
import { branch } from './documents.js'

const SECRET = 'fourty-octets-of-pure-chance-for-a-test!'
const peer = (ppk: unknown): PeerDocument =>
  branch(1, { auth: { method: 'psk', psk: 'correct horse battery staple', ppk } as PeerDocument['auth'] })
const faults = (ppk: unknown, stored = false): string[] =>
  verifyPeer(peer(ppk), [], { hasSecret: () => stored }).map(({ pointer, code }) => `${pointer} ${code}`)

for (const [what, ppk, want] of [
  ['a name and a secret', { id: 'hq-1', secret: SECRET }, []],
  ['octets for both', { id: '0x00ff', secret: `0x${'07'.repeat(32)}` }, []],
  ['no secret', { id: 'hq-1' }, ['/auth/ppk/secret BRUNEL_CONFIG_PPK']],
  ['no name', { secret: SECRET }, ['/auth/ppk/id BRUNEL_CONFIG_SHAPE']],
  ['an empty name', { id: '', secret: SECRET }, ['/auth/ppk/id BRUNEL_CONFIG_PPK']],
  ['a name with a blank', { id: 'hq 1', secret: SECRET }, ['/auth/ppk/id BRUNEL_CONFIG_PPK']],
  ['a name beyond ASCII', { id: 'größe', secret: SECRET }, ['/auth/ppk/id BRUNEL_CONFIG_PPK']],
  ['a name without end', { id: 'x'.repeat(129), secret: SECRET }, ['/auth/ppk/id BRUNEL_CONFIG_PPK']],
  ['a name that is not hexadecimal', { id: '0xhq', secret: SECRET }, ['/auth/ppk/id BRUNEL_CONFIG_PPK']],
  ['a short secret', { id: 'hq-1', secret: 'fifteen octets.' }, ['/auth/ppk/secret BRUNEL_CONFIG_PPK']],
  ['a secret that is not base64', { id: 'hq-1', secret: '0s!' }, ['/auth/ppk/secret BRUNEL_CONFIG_PPK']],
  [
    'both wrong',
    { id: '', secret: '' },
    ['/auth/ppk/id BRUNEL_CONFIG_PPK', '/auth/ppk/secret BRUNEL_CONFIG_PPK'],
  ],
  ['what nobody knows', { id: 'hq-1', secret: SECRET, type: 1 }, ['/auth/ppk/type BRUNEL_CONFIG_SHAPE']],
] as const)
  t.test(`RFC 8784 §5.1: auth.ppk: ${what}`, async t => t.same(faults(ppk), want))

t.test('a stored PPK may be left out, and the default is that it is optional', async t => {
  t.same(faults({ id: 'hq-1' }, true), [])
  t.same(normalise(peer({ id: 'hq-1', secret: SECRET })).auth.ppk, { id: 'hq-1', required: false })
  t.equal(withDefaults(peer({ id: 'hq-1' })).auth.ppk?.required, false)
})

t.test('the secret of a PPK is told apart from the document, and no problem shows it', async t => {
  const document = peer({ id: 'hq-1', secret: SECRET })
  t.same(redact(document).auth, { method: 'psk', ppk: { id: 'hq-1' } })
  t.equal(secretsOf(document).ppk, SECRET)
  t.notMatch(
    JSON.stringify([normalise(document), verifyPeer(peer({ id: '', secret: `0x${SECRET}` }), [])]),
    SECRET,
  )
})

t.test('RFC 8784 §6: less than 256 bits is a warning', async t => {
  const codes = (secret: string) => warningsOf(peer({ id: 'hq-1', secret })).map(({ code }) => code)
  t.same(codes('x'.repeat(31)), ['BRUNEL_CONFIG_PPK_SHORT'])
  t.same(codes('x'.repeat(32)), [])
})
