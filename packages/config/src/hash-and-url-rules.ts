import type { Problem } from '@brunel/base'
import { httpUrl } from '@brunel/crypto'
import type { PeerDocument } from './document.js'
import { problem } from './rule.js'

/** What `auth` says wrong about certificates by hash and URL, RFC 7296 §3.6. Pointers are relative to the peer's document. */

type Auth = PeerDocument['auth']

const bad = (pointer: string, detail: string, remedy: string): Problem =>
  problem(pointer, 'BRUNEL_CONFIG_CERTIFICATE_URL', detail, remedy)

export function urlProblems({ hashAndUrl = [], certificateUrls = [], bundleUrl }: Auth): Problem[] {
  const lists = { hashAndUrl, certificateUrls, bundleUrl: bundleUrl === undefined ? [] : [bundleUrl] }
  return Object.entries(lists).flatMap(([member, urls]) =>
    urls.flatMap((url, i) => {
      if (httpUrl(url) !== undefined) return []
      const pointer = member === 'bundleUrl' ? '/auth/bundleUrl' : `/auth/${member}/${i}`
      return [
        bad(
          pointer,
          `"${url}" is not an address that certificates can be looked up at.`,
          'Write plain http://, a host and a path, without a user, `..` or `#`: what is fetched is known by its hash.',
        ),
      ]
    }),
  )
}

export function publicationProblems(
  { certificateUrls = [], bundleUrl }: Auth,
  certificates: number,
): Problem[] {
  if (bundleUrl !== undefined && certificateUrls.length > 0)
    return [
      bad(
        '/auth/bundleUrl',
        'There are `certificateUrls` too.',
        'Write either the bundle or the certificates.',
      ),
    ]
  if (certificateUrls.length <= certificates) return []
  return [
    bad(
      '/auth/certificateUrls',
      `There are ${certificateUrls.length} addresses for ${certificates} certificates.`,
      'Write one address for each certificate in `auth.certificate`, in the same order.',
    ),
  ]
}
