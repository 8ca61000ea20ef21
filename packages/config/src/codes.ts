/**
 * Every error code of the configuration and of the API. A code never changes and is never used for anything else;
 * its words may. docs/errors.md is made from this list and from those of the packages that make other codes.
 */
export interface CodeEntry {
  /** What it means, in a sentence. */
  readonly meaning: string
  /** What to do. */
  readonly remedy: string
}

export const CODES = {
  BRUNEL_CONFIG_SHAPE: {
    meaning: 'A member of the document is missing, unknown or of the wrong type.',
    remedy: 'Write the document as docs/config.md and /docs show.',
  },
  BRUNEL_CONFIG_VERSION: {
    meaning: 'The document has a version that this release does not read.',
    remedy: 'Use the version that GET /v1/config shows.',
  },
  BRUNEL_CONFIG_NAME: {
    meaning: 'The name of a peer or of a relay group is malformed.',
    remedy: 'Use a letter or digit, then letters, digits, `.`, `_` and `-`, at most 63 in all.',
  },
  BRUNEL_CONFIG_ADDRESS: {
    meaning: 'An address or network is malformed, or of a kind that makes no sense there.',
    remedy: 'Write an IPv4 or IPv6 address; a network is an address, a slash and the prefix length.',
  },
  BRUNEL_CONFIG_FAMILY: {
    meaning: 'Two addresses that must be of one IP version are not.',
    remedy: 'Use IPv4 for both or IPv6 for both.',
  },
  BRUNEL_CONFIG_IDENTITY: {
    meaning: 'An IKE identity is malformed or missing where only it tells peers apart.',
    remedy: 'Write an address, a host name, an e-mail address or keyid:TEXT.',
  },
  BRUNEL_CONFIG_PSK: {
    meaning: 'The pre-shared key is missing, empty, too short or malformed.',
    remedy: 'Make one with `openssl rand -base64 32` and give the same to both routers.',
  },
  BRUNEL_CONFIG_PSK_SHORT: {
    meaning:
      'A warning: the pre-shared key is short enough to be guessed offline by whoever records the handshake.',
    remedy: 'Make one with `openssl rand -base64 32` and give the same to both routers.',
  },
  BRUNEL_CONFIG_PPK: {
    meaning: 'The post-quantum pre-shared key is malformed, too short, or lacks its name or its secret.',
    remedy:
      'Make one with `openssl rand -base64 32` and give the same, under the same name, to both routers.',
  },
  BRUNEL_CONFIG_PPK_SHORT: {
    meaning: 'A warning: the post-quantum pre-shared key has less than 256 bits (RFC 8784 §6).',
    remedy:
      'Make one with `openssl rand -base64 32` and give the same, under the same name, to both routers.',
  },
  BRUNEL_CONFIG_CERTIFICATE: {
    meaning: 'A certificate or revocation list is missing, cannot be read, or is too weak to be used.',
    remedy: 'Write PEM texts; `brunel pki` makes a small authority and router certificates.',
  },
  BRUNEL_CONFIG_CERTIFICATE_EXPIRED: {
    meaning: 'The certificate is expired.',
    remedy: 'Renew it; check the clock of this router.',
  },
  BRUNEL_CONFIG_CERTIFICATE_DOUBTFUL: {
    meaning:
      'A warning: our certificate does not hold `local.id`, or leads to none of our own trust anchors.',
    remedy: 'Compare the names in it with `local.id`; add its intermediate certificates.',
  },
  BRUNEL_CONFIG_CERTIFICATE_URL: {
    meaning: 'An address of certificates is not plain http://, or there are more than certificates.',
    remedy: 'Write http://, a host and a path, such as `http://pki.example.net/certs/`.',
  },
  BRUNEL_CONFIG_PRIVATE_KEY: {
    meaning: 'The private key is missing, cannot be read, or is not that of the certificate.',
    remedy: 'Write the key that the certificate was made for, as PEM without a passphrase.',
  },
  BRUNEL_CONFIG_PROPOSAL: {
    meaning: 'A proposal is unknown, malformed, or too weak to be offered (RFC 8247, RFC 8221).',
    remedy: 'Write proposals as in swanctl.conf, from the algorithms that docs/config.md lists.',
  },
  BRUNEL_CONFIG_DURATION: {
    meaning: 'A duration is malformed or out of range.',
    remedy: 'Write a number and ms, s, m, h or d, such as `4h`.',
  },
  BRUNEL_CONFIG_SIZE: {
    meaning: 'A size is malformed or out of range.',
    remedy: 'Write a number and KiB, MiB, GiB, TiB, kB, MB, GB or TB, such as `1TiB`.',
  },
  BRUNEL_CONFIG_RANGE: {
    meaning: 'A number is out of range.',
    remedy: 'Use a number from the range that the answer names.',
  },
  BRUNEL_CONFIG_MTU: {
    meaning: 'The MTU or MSS does not fit what the tunnel carries.',
    remedy: 'Leave `mtu` and `mss` at `auto`.',
  },
  BRUNEL_CONFIG_INTERFACE: {
    meaning: 'The name of the interface is malformed or reserved, or a LAN is meant and it is a tunnel.',
    remedy: 'Use 1 to 15 characters without `/`, `:` and blanks; for a relay, the interface of the LAN.',
  },
  BRUNEL_CONFIG_DUPLICATE_NAME: {
    meaning: 'Two peers have one name.',
    remedy: 'Rename one of them.',
  },
  BRUNEL_CONFIG_DUPLICATE_INTERFACE: {
    meaning: 'Two tunnels want one interface name.',
    remedy: 'Give one of them another `tunnel.interface`.',
  },
  BRUNEL_CONFIG_DUPLICATE_ENDPOINT: {
    meaning:
      'Nothing tells two tunnels apart: same addresses, same GRE key; or both wait for anyone with one identity.',
    remedy: 'Give one of them another address, GRE key or identity.',
  },
  BRUNEL_CONFIG_OVERLAP: {
    meaning: 'Two networks overlap, so that it is not decided which tunnel carries their packets.',
    remedy: 'Give each network to one tunnel only.',
  },
  BRUNEL_CONFIG_ROUTE_LOOP: {
    meaning: 'A route would send the delivery packets of a tunnel into the tunnel itself (RFC 2003 §3.2).',
    remedy: 'Take the address of the peer out of the networks routed into its tunnel.',
  },
  BRUNEL_CONFIG_RELAY: {
    meaning: 'Two peers share a relay group and not its LAN interface, or a LAN interface and not the group.',
    remedy: 'Give both the same `ospfRelay.interface` and `ospfRelay.group`, or two others of each.',
  },
  BRUNEL_CONFIG_NOT_AVAILABLE: {
    meaning: 'The document asks for something that this release does not do yet.',
    remedy: 'Leave it out.',
  },
  BRUNEL_API_BAD_JSON: {
    meaning: 'The body of the request is not JSON.',
    remedy: 'Send one JSON document and the header `content-type: application/json`.',
  },
  BRUNEL_API_BAD_REQUEST: {
    meaning: 'The request does not fit the description of the API.',
    remedy: 'See /docs for what this path takes.',
  },
  BRUNEL_API_INVALID: {
    meaning: 'The document is refused; `errors` lists everything wrong with it. Nothing was stored.',
    remedy: 'Mend what `errors` lists and send it again.',
  },
  BRUNEL_API_UNAUTHENTICATED: {
    meaning: 'There is no valid token in the request.',
    remedy: 'Send `authorization: Bearer …`; the first token is in DIR/admin.token.',
  },
  BRUNEL_API_FORBIDDEN: {
    meaning: 'The role of the token does not allow this.',
    remedy: 'Use a token with the role that the answer names.',
  },
  BRUNEL_API_CROSS_ORIGIN: {
    meaning: 'The request comes from a web page of another origin.',
    remedy: 'Use the API from its own origin, or not from a browser.',
  },
  BRUNEL_API_TOO_MANY: {
    meaning: 'Too many requests, or too many failed tries with a token.',
    remedy: 'Wait as long as the header `retry-after` says.',
  },
  BRUNEL_API_NOT_FOUND: {
    meaning: 'There is nothing at this address.',
    remedy: 'See /docs for the paths, and list the names with a GET of the collection.',
  },
  BRUNEL_API_EXISTS: {
    meaning: 'Something of this name is already there.',
    remedy: 'Choose another name, or change the one that is there.',
  },
  BRUNEL_API_CHANGED: {
    meaning: 'It was changed since you read it, so that If-Match does not hold.',
    remedy: 'Read it again, apply your change to what you read, and send that with the new ETag.',
  },
  BRUNEL_API_LAST_ADMIN: {
    meaning: 'The last token with the role admin cannot be removed.',
    remedy: 'Make another admin token first.',
  },
  BRUNEL_API_APPLY: {
    meaning: 'The system refused the change. It was taken back.',
    remedy: 'See the log of bruneld for what refused it.',
  },
  BRUNEL_API_BUSY: {
    meaning: 'The router has no time for the API at the moment.',
    remedy: 'Try again as the header `retry-after` says.',
  },
  BRUNEL_API_INTERNAL: {
    meaning: 'We are wrong. The log of bruneld has the details.',
    remedy: 'Report it, with the log.',
  },
  BRUNEL_API_LISTEN: {
    meaning: 'The admin API cannot listen where it was told to.',
    remedy: 'Stop what listens there, or give --listen or --socket another value.',
  },
  BRUNEL_STORE_DIRECTORY: {
    meaning: 'The data directory cannot be used, or others can read it.',
    remedy: 'Give --data-dir a directory that only bruneld may read.',
  },
  BRUNEL_STORE_BUSY: {
    meaning: 'Another bruneld uses the data directory.',
    remedy: 'Stop the other one first.',
  },
  BRUNEL_STORE_DATABASE: {
    meaning: 'The database cannot be opened.',
    remedy: 'Look at the disk and the owner of the file; restore a backup if it is damaged.',
  },
  BRUNEL_STORE_VERSION: {
    meaning: 'The database was written by a newer release.',
    remedy: 'Start the newer release, or restore a backup from before the upgrade.',
  },
  BRUNEL_STORE_KEY: {
    meaning: 'The key that encrypts the stored secrets is missing, malformed or another one.',
    remedy: 'Put the key back from your backup: the credential `brunel-secret-key` or DIR/secret.key.',
  },
  BRUNEL_ACTION_NOT_AVAILABLE: {
    meaning: 'This release cannot do this yet.',
    remedy: 'See the answer for what to do meanwhile.',
  },
} as const satisfies Record<string, CodeEntry>

export type Code = keyof typeof CODES
