import { createHash } from 'node:crypto'
import {
  bundleOf,
  certificatesIn,
  certificationAt,
  crlsIn,
  parseCertificate,
  SIGNATURE_HASHES,
} from '@brunel/crypto'
import t from 'tap'
import { run } from './terminal.js'

const NOW = Date.parse('2026-01-02T03:14:05Z')
const brunel = (files: Record<string, string>, line: string) => run(line.split(' '), { files })

t.test('brunel pki: an authority, certificates, a revocation; another reader agrees', async t => {
  const files: Record<string, string> = {}
  t.equal((await brunel(files, 'pki issue hq.example.net')).exit, 2, 'no authority yet')
  t.equal((await brunel(files, 'pki init')).exit, 0)
  t.match((await brunel(files, 'pki init')).err, /is there already/, 'its key is never overwritten')
  for (const line of ['hq.example.net --san 192.0.2.1', 'branch-7.example.net --key ed25519 --days 30'])
    t.match(await brunel(files, `pki issue ${line}`), { exit: 0, out: /peer add/ })
  t.equal((await brunel(files, 'pki issue hq.example.net')).exit, 1)
  t.match((await brunel(files, 'pki revoke nobody')).err, /No certificate/)
  t.match(await brunel(files, 'pki revoke branch-7.example.net'), { exit: 0, out: /--crl pki\/crl\.pem/ })
  t.match((await brunel(files, 'pki list')).out, /branch-7\.example\.net +2026-02-01\S+ +2026-01-02/)

  const der = (file: string) => certificatesIn(files[`pki/${file}.pem`] ?? '')
  const certification = certificationAt(() => NOW as never, SIGNATURE_HASHES)
  const judged = (name: string) =>
    certification.certify({
      chain: der(name),
      anchors: der('ca'),
      evidence: {
        policy: 'off',
        crls: crlsIn(files['pki/crl.pem'] ?? ''),
        ocsp: [],
        statement: () => undefined,
      },
      identity: { type: 'fqdn', text: name },
    })
  t.match(judged('hq.example.net'), { subject: 'CN=hq.example.net', revocation: { state: 'good' } })
  t.match(judged('branch-7.example.net'), { fault: 'revoked' })
})

t.test(
  'brunel pki: where revocation is looked up, the list for a web server, the index for OpenSSL',
  async t => {
    const files: Record<string, string> = {}
    await brunel(files, 'pki init')
    const urls = '--crl-url http://pki.example.net/crl.der --ocsp-url http://pki.example.net:2560/'
    t.equal((await brunel(files, `pki issue b.example.net ${urls}`)).exit, 0)
    const [der] = certificatesIn(files['pki/b.example.net.pem'] ?? '')
    t.match(parseCertificate(der ?? new Uint8Array()), {
      crlUrls: ['http://pki.example.net/crl.der'],
      ocspUrls: ['http://pki.example.net:2560/'],
    })
    t.match(await brunel(files, 'pki issue c.example.net --crl-url https://pki.example.net/'), {
      exit: 2,
      err: /plain HTTP/,
    })
    t.match(files['pki/index.txt'], /^V\t\d{12}Z\t\t[0-9A-F]{32}\tunknown\t\/CN=b\.example\.net\n$/)
    t.match(await brunel(files, 'pki crl --days 7'), { exit: 0, out: /due in 7 days/ })
    t.equal(files['pki/crl.der'], Buffer.from(crlsIn(files['pki/crl.pem'] ?? '')[0] ?? []).toString('latin1'))
    await brunel(files, 'pki revoke b.example.net')
    t.match(files['pki/index.txt'], /^R\t\d{12}Z\t260102031405Z\t/)
  },
)

t.test(
  'RFC 7296 §3.6: brunel pki publish writes what hash and URL name, and says how to name it',
  async t => {
    const files: Record<string, string> = {}
    await brunel(files, 'pki init')
    await brunel(files, 'pki issue hq.example.net')
    const [der] = certificatesIn(files['pki/hq.example.net.pem'] ?? '')
    const said = await brunel(files, 'pki publish pki/hq.example.net.pem --to www')
    t.equal(said.exit, 0)
    const published = Object.entries(files).filter(([name]) => name.startsWith('www/'))
    const bundle = Buffer.from(bundleOf([der ?? new Uint8Array()])).toString('latin1')
    t.same(
      new Set(published.map(([, octets]) => octets)),
      new Set([Buffer.from(der ?? []).toString('latin1'), bundle]),
    )
    for (const [name, octets] of published) {
      const hash = createHash('sha1').update(octets, 'latin1').digest('hex')
      t.equal(name, `www/${hash}`)
      t.match(
        said.out,
        octets === bundle ? `--bundle-url http://HOST/${hash}` : `--certificate-url http://HOST/${hash}`,
      )
    }
    t.match(await brunel(files, 'pki publish pki/ca.key'), { exit: 1, err: /no PEM certificates/ })
  },
)
