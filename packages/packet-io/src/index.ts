export type * from './contract.js'
export { closeOnExec, sendFrame, socketFilter } from './frame.js'
export { openPacketIo } from './packet-io.js'
export { PacketIoError, type PacketIoErrorCode } from './refusal.js'
