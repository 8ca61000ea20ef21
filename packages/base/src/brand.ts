declare const brand: unique symbol

/** A value of type T that only its own constructor makes, so that units and checked offsets cannot be mixed up. */
export type Branded<T, B extends string> = T & { readonly [brand]: B }

/** An offset into a `Packet` at which header L was checked. Never keep one past the function that opened it. */
export type At<L extends string> = Branded<number, `at-${L}`>

/** An ESP or IKE security parameters index as an unsigned 32-bit number (ESP only; IKE SPIs are 16 hex digits). */
export type Spi = Branded<number, 'spi'>

/** The canonical name of an IKE SPI: 16 lower-case hex digits, RFC 7296 §3.1. */
export type IkeSpi = Branded<string, 'ike-spi'>
