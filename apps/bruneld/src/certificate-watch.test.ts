import type { Peer } from '@brunel/config'
import { issueCertificate, newPrivateKey } from '@brunel/crypto'
import t from 'tap'
import { CertificateWatch, noticeText } from './certificate-watch.js'

const DAY = 86_400_000
const END = Date.UTC(2030, 5, 1)

t.test(
  'a certificate that is about to expire is told of at 30, 7 and 1 days and at its end, each once',
  async t => {
    const key = newPrivateKey('ecdsa256')
    const [notBefore, notAfter] = [new Date(END - 400 * DAY), new Date(END)]
    const certificate = await issueCertificate({ subject: 'CN=hq', key, notBefore, notAfter })
    const auth = { method: 'certificate', remoteMethod: 'psk', certificate, trustAnchors: [] }
    const peers = [{ name: 'branch-7', auth } as unknown as Peer]
    const watch = new CertificateWatch()
    const told = (days: number) => watch.due(peers, END - days * DAY).map(noticeText)
    t.same(told(31), [])
    t.same(told(29.9), ['our certificate "CN=hq" expires within 30 days, at 2030-06-01T00:00:00.000Z'])
    t.same(told(20), [])
    t.match(told(6), [/within 7 days/])
    t.match(told(0.9), [/within 1 day,/])
    t.same(told(0.5), [])
    t.match(told(-1), [/expired at/])
    t.same(told(-2), [])
    t.match(new CertificateWatch().due(peers, END - 5 * DAY), [{ withinDays: 7 }], 'once after a late start')
    t.match(watch.expiries(peers), [{ tunnel: 'branch-7', use: 'own', notAfter: END }])
  },
)
