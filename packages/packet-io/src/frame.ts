import { native } from './native.js'

/** Sends one whole Ethernet frame by an interface; needs no open PacketIo. False: the system refused it. */
export const sendFrame = (interfaceIndex: number, frame: Uint8Array): boolean =>
  native.sendFrame(interfaceIndex, frame) === 0
