import type { Problem } from '@brunel/base'
import type { PeerDocument } from './document.js'
import { problem, type Rule } from './rule.js'
import { pskOctets } from './values.js'

/** What `auth.ppk` says wrong: a post-quantum pre-shared key, RFC 8784. */

export const NEW_PPK =
  'Make one with `openssl rand -base64 32` and give the same, under the same `id`, to both routers.'
/** Below it the key is found by trying, by any computer. */
const LEAST = 16
/** RFC 8784 §6: 256 bits, of which a quantum computer leaves 128. */
const ADVISED = 32
/** A notify could hold more; whoever writes so much has pasted something else. */
const ID_MOST = 128

export const ppk: Rule = ({ auth }) =>
  auth.ppk === undefined ? [] : [...idFaults(auth.ppk), ...secretFaults(auth.ppk)]

type Ppk = NonNullable<PeerDocument['auth']['ppk']>

function idFaults({ id }: Ppk): Problem[] {
  const octets = pskOctets(id)
  // RFC 8784 §5.1 recommends what every implementation can be given: visible characters.
  const visible = /^[!-~]+$/.test(id)
  if (octets !== undefined && visible && octets.length <= ID_MOST) return []
  const detail = id === '' ? 'The name of the PPK is empty.' : `"${id.slice(0, 40)}" is not a name for a PPK.`
  const remedy = `Write 1 to ${ID_MOST} visible ASCII characters without blanks, or 0x… for octets.`
  return [problem('/auth/ppk/id', 'BRUNEL_CONFIG_PPK', detail, remedy)]
}

function secretFaults({ secret }: Ppk): Problem[] {
  if (secret === undefined) return []
  const octets = pskOctets(secret)
  const bad = (detail: string) => [problem('/auth/ppk/secret', 'BRUNEL_CONFIG_PPK', detail, NEW_PPK)]
  if (octets === undefined) return bad('The secret begins with 0x or 0s and is not hexadecimal or base64.')
  return octets.length < LEAST ? bad(`The secret is shorter than ${LEAST} octets.`) : []
}

/** What is allowed and unwise. */
export function ppkWarnings({ auth }: PeerDocument): Problem[] {
  const { secret } = auth.ppk ?? {}
  const length = secret === undefined ? ADVISED : (pskOctets(secret)?.length ?? 0)
  if (length >= ADVISED) return []
  const detail = `The PPK has ${length} octets; against quantum computers it needs ${ADVISED} of pure chance (RFC 8784 §6).`
  return [problem('/auth/ppk/secret', 'BRUNEL_CONFIG_PPK_SHORT', detail, NEW_PPK)]
}
