import { native } from './native.js'

/**
 * The value of SO_ATTACH_FILTER for a program of classic BPF, eight octets an instruction. It points into the program,
 * which has to be there until the option is set.
 */
export const socketFilter = (program: Uint8Array): Uint8Array => native.socketFilter(program)

/** Sends one whole Ethernet frame by an interface; needs no open PacketIo. False: the system refused it. */
export const sendFrame = (interfaceIndex: number, frame: Uint8Array): boolean =>
  native.sendFrame(interfaceIndex, frame) === 0

/**
 * No program that is started from here on holds a descriptor of ours, other than its input and outputs: for libraries
 * that open sockets without SOCK_CLOEXEC. A socket that a child holds goes on receiving, and stays in its groups, when it
 * is closed here. False: there is no /proc.
 */
export const closeOnExec = (): boolean => native.closeOnExec() === 0
