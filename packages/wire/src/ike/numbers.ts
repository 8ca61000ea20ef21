/** Numbers that IANA assigned to IKEv2, by the names of their RFCs. */

/** RFC 7296 §3.1; 43: RFC 9242 §3.2; 44: RFC 9370 §2.2.4. */
export const EXCHANGE = {
  IKE_SA_INIT: 34,
  IKE_AUTH: 35,
  CREATE_CHILD_SA: 36,
  INFORMATIONAL: 37,
  IKE_INTERMEDIATE: 43,
  IKE_FOLLOWUP_KE: 44,
} as const

/** RFC 7296 §3.2; SKF: RFC 7383 §2.5. */
export const PAYLOAD = {
  NONE: 0,
  SA: 33,
  KE: 34,
  IDi: 35,
  IDr: 36,
  CERT: 37,
  CERTREQ: 38,
  AUTH: 39,
  NONCE: 40,
  N: 41,
  D: 42,
  V: 43,
  TSi: 44,
  TSr: 45,
  SK: 46,
  CP: 47,
  EAP: 48,
  SKF: 53,
} as const

/** Security protocol identifiers, RFC 7296 §3.3.1. */
export const PROTOCOL = { NONE: 0, IKE: 1, AH: 2, ESP: 3 } as const

/** Transform types, RFC 7296 §3.3.2; additional key exchanges 1 to 7, which have types 6 to 12: RFC 9370 §2.2.1. */
export const TRANSFORM = { ENCR: 1, PRF: 2, INTEG: 3, KE: 4, ESN: 5, ADDKE1: 6, ADDKE7: 12 } as const

/** The one attribute type of RFC 7296 §3.3.5. */
export const KEY_LENGTH = 14

/** Identification types, RFC 7296 §3.5. */
export const ID_TYPE = {
  IPV4_ADDR: 1,
  FQDN: 2,
  RFC822_ADDR: 3,
  IPV6_ADDR: 5,
  DER_ASN1_DN: 9,
  DER_ASN1_GN: 10,
  KEY_ID: 11,
} as const

/** Authentication methods, RFC 7296 §3.8; 14: RFC 7427 §3. */
export const AUTH_METHOD = {
  RSA_SIGNATURE: 1,
  SHARED_KEY_MIC: 2,
  DSS_SIGNATURE: 3,
  DIGITAL_SIGNATURE: 14,
} as const

/** Traffic selector types, RFC 7296 §3.13.1. */
export const TS_TYPE = { IPV4_ADDR_RANGE: 7, IPV6_ADDR_RANGE: 8 } as const
