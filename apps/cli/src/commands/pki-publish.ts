import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { bundleOf, certificatesIn, parseCertificate } from '@brunel/crypto'
import type { Command } from 'commander'
import { EXIT, Failure } from '../failure.js'
import type { Terminal } from '../terminal.js'
import { table } from '../words.js'

/**
 * `brunel pki publish`: files for a web server that serves certificates by hash and URL (RFC 7296 §3.6). Their names are
 * their SHA-1 hashes, so that the folder is a `cert_uri_base` of strongSwan, too.
 */

interface PublishOptions {
  readonly to: string
}

function publish(file: string, { to }: PublishOptions, terminal: Terminal): string {
  const certificates = certificatesIn(terminal.read(file))
  const subjects = certificates.map(der => parseCertificate(der)?.subjectText)
  if (subjects.length === 0 || subjects.includes(undefined))
    throw new Failure(EXIT.refused, `${file} holds no PEM certificates that can be read.`)
  const all = [...certificates.entries()].map(([i, der]) => [subjects[i] as string, der] as const)
  const rows = [...all, ['all of them, as a bundle', bundleOf(certificates)] as const].map(([what, der]) => {
    const name = createHash('sha1').update(der).digest('hex')
    terminal.write(join(to, name), der, false)
    return [name, what]
  })
  const urls = rows.slice(0, -1).map(([name]) => `http://HOST/${name}`)
  return [
    table(['FILE', 'HOLDS'], rows),
    `Let a web server serve ${to}. At the router that sends them: \`brunel peer edit PEER --certificate-url ${urls.join(' ')}\`,`,
    `or \`--bundle-url http://HOST/${rows.at(-1)?.[0]}\`; at the other one \`--hash-and-url http://HOST/\`.`,
  ].join('\n')
}

export const publishCommand = (pki: Command, terminal: Terminal): Command =>
  pki
    .command('publish')
    .description('write certificates, and a bundle of them, for a web server (hash and URL)')
    .argument('<file>', 'PEM, such as pki/hq.example.net.pem')
    .option('--to <dir>', 'folder that the web server serves', join('pki', 'certs'))
    .action((file: string, options: PublishOptions) => terminal.out(publish(file, options, terminal)))
