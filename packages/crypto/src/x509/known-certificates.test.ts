import t from 'tap'
import { issueCertificate, newPrivateKey } from './issue.js'
import { KnownCertificates } from './known-certificates.js'
import { certificatesIn } from './pem.js'

const key = newPrivateKey('ecdsa256')
const issued = async (subject: string): Promise<Uint8Array> => {
  const [notBefore, notAfter] = [new Date('2026-01-01'), new Date('2027-01-01')]
  const [der] = certificatesIn(await issueCertificate({ subject, key, notBefore, notAfter }))
  return der as Uint8Array
}

t.test('the same octets are one certificate, wherever they lie; others are others', async t => {
  const known = new KnownCertificates()
  const [one, other] = [await issued('CN=one'), await issued('CN=other')]
  t.equal(known.parse(one)?.subjectText, 'CN=one')
  t.equal(known.parse(one.slice()), known.parse(one))
  t.equal(known.parse(other)?.subjectText, 'CN=other')
})

t.test('what is no certificate is none, and is not remembered as one', async t => {
  const known = new KnownCertificates()
  t.equal(known.parse(Uint8Array.of(1, 2, 3)), undefined)
  t.equal(known.parse(Uint8Array.of(1, 2, 3)), undefined)
})
