/** What is fetched over plain HTTP: lists, answers and certificates. */

/** For everything: name, connection, redirects, octets. Longer: a peer waits for it. Shorter: a slow server counts as none. */
const WITHIN_MS = 5_000
/** Some hundred thousand entries. More: reading them would hold up the router. */
export const MOST_OCTETS = 8 * 1024 * 1024
const MOST_REDIRECTS = 3
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308]

/** Throws with a sentence. `body`: posted, an OCSP request. `most`: octets that are taken. */
export async function httpOctets(url: string, body?: Uint8Array, most = MOST_OCTETS): Promise<Uint8Array> {
  const signal = AbortSignal.timeout(WITHIN_MS)
  let at = url
  for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
    if (new URL(at).protocol !== 'http:') throw new Error(`it leads to ${at}, which is not plain HTTP`)
    const response = await ask(at, body, signal)
    const location = response.headers.get('location')
    if (REDIRECTS.includes(response.status) && location !== null) {
      await response.body?.cancel()
      at = new URL(location, at).href
      continue
    }
    if (response.status === 200) return octetsOf(response, most)
    await response.body?.cancel()
    throw new Error(`HTTP ${response.status}`)
  }
  throw new Error(`more than ${MOST_REDIRECTS} redirects`)
}

async function ask(url: string, body: Uint8Array | undefined, signal: AbortSignal): Promise<Response> {
  try {
    const posted = body && { method: 'POST', body, headers: { 'content-type': 'application/ocsp-request' } }
    return await fetch(url, { redirect: 'manual', signal, ...posted })
  } catch (error) {
    throw new Error(reason(error), { cause: error })
  }
}

async function octetsOf(response: Response, most: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  try {
    for await (const part of response.body ?? []) {
      length += part.length
      if (length > most) break
      parts.push(part)
    }
  } catch (error) {
    throw new Error(reason(error), { cause: error })
  }
  if (length > most) throw new Error(`more than ${most >> 10} KiB`)
  return new Uint8Array(Buffer.concat(parts))
}

function reason(error: unknown): string {
  const { name, message, cause } = error as Error
  if (name === 'TimeoutError') return `no answer within ${WITHIN_MS / 1000} seconds`
  const { code } = (cause ?? {}) as NodeJS.ErrnoException
  return code ?? (cause instanceof Error ? cause.message : message)
}
