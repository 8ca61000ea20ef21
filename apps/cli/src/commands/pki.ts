import { join } from 'node:path'
import {
  certificatesIn,
  crlsIn,
  type Issuer,
  issueCertificate,
  issueCrl,
  KEY_KINDS,
  type KeyKind,
  newPrivateKey,
  parseCertificate,
} from '@brunel/crypto'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { EXIT, Failure } from '../failure.js'
import type { Terminal } from '../terminal.js'
import { table } from '../words.js'
import { publishCommand } from './pki-publish.js'

/**
 * `brunel pki …`: a small authority in a folder, for those who have none. It speaks to no API and needs no bruneld.
 *
 *     DIR/ca.pem, ca.key        the authority: ca.pem is the trust anchor of every router, ca.key stays here
 *     DIR/NAME.pem, NAME.key    of each router
 *     DIR/crl.pem, crl.der      what is revoked: for auth.crls; for a web server (RFC 5280 §4.2.1.13 wants DER)
 *     DIR/index.json, index.txt what was issued: for us; for `openssl ocsp -index`
 */

interface Issued {
  readonly name: string
  readonly serial: string
  readonly notAfter: string
  readonly revokedAt?: string
  readonly subject?: string
}

interface PkiOptions {
  readonly dir: string
  readonly key: KeyKind
  readonly days: number
  readonly subject?: string
  readonly san?: string[]
  readonly crlUrl?: string[]
  readonly ocspUrl?: string[]
}

const DAY = 86_400_000
/** A clock a little behind ours must not refuse what was issued now. */
const BACKDATED = 3_600_000

function count(text: string): number {
  if (!/^[1-9]\d{0,4}$/.test(text)) throw new InvalidArgumentError('It is not a number of days.')
  return Number(text)
}

const keyOption = () => new Option('--key <kind>', 'kind of the key').choices(KEY_KINDS).default('ecdsa256')
const dirOption = () => new Option('--dir <dir>', 'folder of the authority').default('pki')

function authorityIn(dir: string, terminal: Terminal): Issuer {
  const [certificate, privateKey] = [join(dir, 'ca.pem'), join(dir, 'ca.key')]
  if (!terminal.exists(certificate) || !terminal.exists(privateKey))
    throw new Failure(EXIT.usage, `There is no authority in ${dir}.`, {
      remedy: 'Make it with `brunel pki init`.',
    })
  return { certificate: terminal.read(certificate), privateKey: terminal.read(privateKey) }
}

const indexOf = (dir: string, terminal: Terminal): readonly Issued[] => {
  const path = join(dir, 'index.json')
  return terminal.exists(path) ? (JSON.parse(terminal.read(path)) as readonly Issued[]) : []
}

/** `YYMMDDHHMMSSZ`, as the index of OpenSSL has it. */
const shortTime = (iso: string): string => `${iso.slice(2, 19).replace(/\D/g, '')}Z`

/** State, expiry, revocation, serial number, file, subject. */
function indexLine({ name, serial, notAfter, revokedAt, subject = `CN=${name}` }: Issued): string {
  const state = revokedAt === undefined ? 'V' : 'R'
  const revoked = revokedAt === undefined ? '' : shortTime(revokedAt)
  const words = [state, shortTime(notAfter), revoked, serial.toUpperCase(), 'unknown', `/${subject}`]
  return `${words.join('\t')}\n`
}

function keepIndex(dir: string, index: readonly Issued[], terminal: Terminal): void {
  terminal.write(join(dir, 'index.json'), `${JSON.stringify(index, null, 2)}\n`, false)
  terminal.write(join(dir, 'index.txt'), index.map(indexLine).join(''), false)
}

function refuseExisting(path: string, terminal: Terminal): void {
  if (!terminal.exists(path)) return
  const remedy = 'Remove it first, or choose another name. A key that is overwritten is gone.'
  throw new Failure(EXIT.refused, `${path} is there already.`, { remedy })
}

const validity = (days: number, terminal: Terminal) => {
  const now = terminal.now().getTime()
  return { notBefore: new Date(now - BACKDATED), notAfter: new Date(now + days * DAY) }
}

async function init(
  { dir, key: kind, days, subject = 'CN=Brunel CA' }: PkiOptions,
  terminal: Terminal,
): Promise<string> {
  refuseExisting(join(dir, 'ca.key'), terminal)
  const key = newPrivateKey(kind)
  const authority = { pathLength: 0 }
  const certificate = await issueCertificate({ subject, key, authority, ...validity(days, terminal) })
  terminal.write(join(dir, 'ca.key'), key, true)
  terminal.write(join(dir, 'ca.pem'), certificate, false)
  return `The authority is made: ${join(dir, 'ca.pem')} is the trust anchor for every router; keep ${join(dir, 'ca.key')} to yourself.`
}

/** `192.0.2.1`, `a@b`, `host.example.net`. */
function nameOfKind(value: string): { readonly type: 'dns' | 'ip' | 'email'; readonly value: string } {
  if (/^[\d.]+$/.test(value) || value.includes(':')) return { type: 'ip', value }
  return { type: value.includes('@') ? 'email' : 'dns', value }
}

async function issue(name: string, options: PkiOptions, terminal: Terminal): Promise<string> {
  const { dir, key: kind, days, subject = `CN=${name}`, san = [] } = options
  const { crlUrl: crlUrls = [], ocspUrl: ocspUrls = [] } = options
  for (const url of [...crlUrls, ...ocspUrls]) refuseUrl(url)
  const issuer = authorityIn(dir, terminal)
  const [pem, keyFile] = [join(dir, `${name}.pem`), join(dir, `${name}.key`)]
  refuseExisting(keyFile, terminal)
  const key = newPrivateKey(kind)
  const names = [...new Set([name, ...san])].map(nameOfKind)
  const certificate = await issueCertificate({
    subject,
    names,
    key,
    issuer,
    crlUrls,
    ocspUrls,
    ...validity(days, terminal),
  })
  const { serial, notAfter } = parsed(certificate)
  terminal.write(keyFile, key, true)
  terminal.write(pem, certificate, false)
  const entry = { name, serial, notAfter: new Date(notAfter).toISOString(), subject }
  keepIndex(dir, [...indexOf(dir, terminal), entry], terminal)
  return `${pem} and ${keyFile} are made. At the router: \`brunel peer add … --certificate ${pem} --private-key ${keyFile} --trust-anchor ${join(dir, 'ca.pem')}\``
}

function refuseUrl(url: string): void {
  if (/^http:\/\/[^\s/]+/.test(url)) return
  throw new Failure(EXIT.usage, `${url} is not an address for plain HTTP.`, {
    remedy:
      'Write http://HOST/PATH. Lists and answers are signed; https would need a certificate that needs a list.',
  })
}

function parsed(pem: string) {
  const [der] = certificatesIn(pem)
  const certificate = der && parseCertificate(der)
  if (certificate === undefined) throw new Failure(EXIT.refused, 'The certificate cannot be read.')
  return certificate
}

async function revoke(name: string, { dir, days }: PkiOptions, terminal: Terminal): Promise<string> {
  const issuer = authorityIn(dir, terminal)
  const index = indexOf(dir, terminal)
  if (!index.some(one => one.name === name))
    throw new Failure(EXIT.refused, `No certificate of "${name}" was issued here.`, {
      remedy: 'See `brunel pki list`.',
    })
  const revokedAt = terminal.now().toISOString()
  const after = index.map(one =>
    one.name === name && one.revokedAt === undefined ? { ...one, revokedAt } : one,
  )
  const file = await writeCrl(issuer, after, { dir, days }, terminal)
  keepIndex(dir, after, terminal)
  return `"${name}" is revoked. Publish ${join(dir, 'crl.der')} where --crl-url says, or give ${file} to every router that trusts this authority: \`brunel peer edit PEER --crl ${file}\``
}

async function writeCrl(
  issuer: Issuer,
  index: readonly Issued[],
  { dir, days }: Pick<PkiOptions, 'dir' | 'days'>,
  terminal: Terminal,
): Promise<string> {
  const revoked = index.flatMap(({ serial, revokedAt }) =>
    revokedAt === undefined ? [] : [{ serial, at: new Date(revokedAt) }],
  )
  const { notBefore: thisUpdate, notAfter: nextUpdate } = validity(days, terminal)
  const file = join(dir, 'crl.pem')
  const pem = await issueCrl(issuer, { revoked, thisUpdate, nextUpdate })
  terminal.write(file, pem, false)
  terminal.write(join(dir, 'crl.der'), crlsIn(pem)[0] ?? '', false)
  return file
}

async function renewCrl({ dir, days }: PkiOptions, terminal: Terminal): Promise<string> {
  const issuer = authorityIn(dir, terminal)
  const file = await writeCrl(issuer, indexOf(dir, terminal), { dir, days }, terminal)
  return `${file} and ${join(dir, 'crl.der')} are written; the next are due in ${days} days.`
}

function list({ dir }: PkiOptions, terminal: Terminal): string {
  const rows = indexOf(dir, terminal).map(({ name, serial, notAfter, revokedAt }) => [
    name,
    notAfter,
    revokedAt === undefined ? '-' : revokedAt,
    serial,
  ])
  return rows.length === 0
    ? 'No certificate was issued.'
    : table(['NAME', 'EXPIRES', 'REVOKED', 'SERIAL'], rows)
}

export function pkiCommands(program: Command, terminal: Terminal): void {
  const pki = program
    .command('pki')
    .description('a small authority: certificates for routers, and revocation')
  const days = (fallback: number, what: string) =>
    new Option('--days <days>', what).argParser(count).default(fallback)

  pki
    .command('init')
    .description('make the authority')
    .addOption(dirOption())
    .addOption(keyOption())
    .addOption(days(3650, 'how long it is valid'))
    .option('--subject <name>', 'its name, such as `C=CH, O=Example, CN=Routers`')
    .action(async (options: PkiOptions) => terminal.out(await init(options, terminal)))

  pki
    .command('issue')
    .description('make the key and the certificate of a router')
    .argument('<name>', 'host name of the router: its IKE identity')
    .addOption(dirOption())
    .addOption(keyOption())
    .addOption(days(825, 'how long it is valid'))
    .option('--subject <name>', 'its distinguished name; else CN=NAME')
    .option('--san <names...>', 'more names: host names, addresses, e-mail addresses')
    .option('--crl-url <urls...>', 'where crl.der will be found, such as http://pki.example.net/crl.der')
    .option('--ocsp-url <urls...>', 'where an OCSP responder answers')
    .action(async (name: string, options: PkiOptions) => terminal.out(await issue(name, options, terminal)))

  pki
    .command('revoke')
    .description('revoke what was issued to a router, and write the revocation list')
    .argument('<name>', 'host name of the router')
    .addOption(dirOption())
    .addOption(days(30, 'when the next list is due'))
    .action(async (name: string, options: PkiOptions) => terminal.out(await revoke(name, options, terminal)))

  pki
    .command('crl')
    .description('write the revocation list anew, before it is out of date')
    .addOption(dirOption())
    .addOption(days(30, 'when the next list is due'))
    .action(async (options: PkiOptions) => terminal.out(await renewCrl(options, terminal)))

  publishCommand(pki, terminal)

  pki
    .command('list')
    .description('what was issued')
    .addOption(dirOption())
    .action((options: PkiOptions) => terminal.out(list(options, terminal)))
}
