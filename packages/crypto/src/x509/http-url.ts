/**
 * Addresses in certificates and of certificates. Only plain HTTP: what is behind them is signed, or known by its hash,
 * and TLS would need a certificate that needs a list.
 */
export const HTTP_URL = /^http:\/\/[^\s]{1,2000}$/

const PARTS = /^http:\/\/((?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?)((?:[/?][!-~]*)?)$/i
const MOST = 2000
/** A step up or on the spot, as URL parsers understand it: it leads out of the folder that the text seems to name. */
const STEP = /[/\\](?:\.|%2e){1,2}(?=[/\\?#]|$)/i

/**
 * The address in one form, so that its beginning tells where it leads: scheme and host in lower case, a path. undefined:
 * it is no plain HTTP, names a user, or winds about.
 */
export function httpUrl(text: string): string | undefined {
  const [, host, rest = ''] = (text.length <= MOST && PARTS.exec(text)) || []
  if (host === undefined || STEP.test(rest) || rest.includes('#')) return undefined
  return `http://${host.toLowerCase()}${rest.startsWith('/') ? rest : `/${rest}`}`
}
