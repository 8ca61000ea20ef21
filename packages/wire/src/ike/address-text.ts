import { bug } from '@brunel/base'
import { format, parse } from '../address.js'

/** 4 or 16 octets as canonical text. */
export const addressText = format

/** 4 or 16 octets of an address that was checked when it came in; other text is a fault of ours. */
export const addressBytes = (text: string): Uint8Array => parse(text) ?? bug(`not an address: ${text}`)
