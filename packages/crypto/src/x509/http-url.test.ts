import fc from 'fast-check'
import t from 'tap'
import { httpUrl } from './http-url.js'

for (const [text, want] of [
  ['http://pki.example.net/a.der', 'http://pki.example.net/a.der'],
  ['HTTP://PKI.Example.net/A.der', 'http://pki.example.net/A.der'],
  ['http://pki.example.net', 'http://pki.example.net/'],
  ['http://192.0.2.1:8080?id=1', 'http://192.0.2.1:8080/?id=1'],
  ['http://[2001:db8::1]:80/a..b/.c', 'http://[2001:db8::1]:80/a..b/.c'],
  ['https://pki.example.net/', undefined],
  ['file:///etc/passwd', undefined],
  ['ftp://pki.example.net/', undefined],
  ['http:///a', undefined],
  ['http://', undefined],
  ['http://user@pki.example.net/', undefined],
  ['http://evil\\.pki.example.net/', undefined],
  ['http://pki.example.net/a b', undefined],
  ['http://pki.example.net/ä', undefined],
  ['http://pki.example.net/a/../b', undefined],
  ['http://pki.example.net/a\\..\\b', undefined],
  ['http://pki.example.net/a/%2E%2e', undefined],
  ['http://pki.example.net/a/.?x', undefined],
  ['http://pki.example.net/a#b', undefined],
  [`http://pki.example.net/${'a'.repeat(2000)}`, undefined],
] as const)
  t.test(`the address ${text.slice(0, 60)}`, async t => t.equal(httpUrl(text), want))

t.test('an address begins with the host and the folder that a URL parser sees in it', async () => {
  const piece = fc.constantFrom('.', '..', '/', '\\', '%2e', '%2E.', 'a', '@', ':80', '?', '#', '//', ';')
  const text = fc.array(piece, { maxLength: 8 }).map(parts => `http://pki.example.net${parts.join('')}`)
  fc.assert(
    fc.property(text, one => {
      const found = httpUrl(one)
      if (found === undefined) return true
      const { origin, pathname } = new URL(one)
      const seen = httpUrl(`${origin}${pathname.replaceAll('\\', '/')}`)
      const path = (url: string | undefined) => url?.replace(/\?.*/, '').replaceAll('\\', '/')
      return path(found.replace(/^(http:\/\/[^/]*):80\//, '$1/')) === path(seen)
    }),
    { examples: [['http://pki.example.net/:80//']] },
  )
})
