export { addressBytes, addressText } from './address-text.js'
export {
  emitHeader,
  HEADER_LENGTH,
  type Header,
  ikeSpi,
  ikeSpiBytes,
  NO_SPI,
  type OutgoingHeader,
  parseHeader,
} from './header.js'
export { emitMessage, identityBody, type Message, parseMessage } from './message.js'
export { isErrorNotify, NOTIFY, notifyName } from './notify.js'
export {
  AUTH_METHOD,
  EXCHANGE,
  ID_TYPE,
  KEY_LENGTH,
  PAYLOAD,
  PROTOCOL,
  TRANSFORM,
  TS_TYPE,
} from './numbers.js'
export { concat, hex, readUint16, readUint32, uint16, uint32, unhex } from './octets.js'
export {
  type Attribute,
  type AuthPayload,
  all,
  allNotifies,
  type CertPayload,
  type CpPayload,
  type DeletePayload,
  type EapPayload,
  errorNotify,
  find,
  findNotify,
  type IdPayload,
  type KePayload,
  type NoncePayload,
  type NotifyPayload,
  notify,
  notifyChild,
  type Payload,
  type PayloadOf,
  type PlainPayload,
  type Proposal,
  type SaPayload,
  type SkfPayload,
  type SkPayload,
  type TrafficSelector,
  type Transform,
  type TsPayload,
  type UnknownPayload,
  unknownCritical,
  type VendorPayload,
} from './payload.js'
export { emitPayloads, parsePayloads } from './payloads.js'
export {
  authenticatedOctets,
  type Chain,
  emitFragment,
  emitProtected,
  type Opener,
  openProtected,
  openSk,
  protectedOutside,
  receivedOutside,
  type Sealer,
} from './protected.js'
