import { certificatesIn, certificationAt, crlsIn, SIGNATURE_HASHES } from '@brunel/crypto'
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
      crls: crlsIn(files['pki/crl.pem'] ?? ''),
      identity: { type: 'fqdn', text: name },
    })
  t.match(judged('hq.example.net'), { subject: 'CN=hq.example.net', notes: [] })
  t.match(judged('branch-7.example.net'), { fault: 'revoked' })
})
