/** The two low bits of the type of service octet or traffic class, RFC 3168 §5. */
export const ECN = { notEct: 0, ect1: 1, ect0: 2, ce: 3 } as const

/** RFC 6040 §4.2: congestion was met by a packet whose transport would not understand the mark. */
export const ECN_DROP = -1

/**
 * RFC 6040 §4.2, figure 4. Row: arriving inner header; column: arriving outer header, both in the order of the values.
 *
 *               Not-ECT   ECT(1)    ECT(0)    CE
 */
const FIGURE_4 = Int8Array.of(
  /* Not-ECT */ ECN.notEct, ECN.notEct, ECN.notEct, ECN_DROP,
  /* ECT(1)  */ ECN.ect1, ECN.ect1, ECN.ect1, ECN.ce,
  /* ECT(0)  */ ECN.ect0, ECN.ect1, ECN.ect0, ECN.ce,
  /* CE      */ ECN.ce, ECN.ce, ECN.ce, ECN.ce,
) // biome-ignore format: a table

/** The type of service octet of the packet that goes on, or `ECN_DROP`. DSCP stays that of the inner header (RFC 2983 §3.1). */
export function decapsulatedTos(innerTos: number, outerTos: number): number {
  const ecn = FIGURE_4[((innerTos & 3) << 2) | (outerTos & 3)] as number
  return ecn === ECN_DROP ? ECN_DROP : (innerTos & 0xfc) | ecn
}

/**
 * RFC 6040 §4.1, normal mode: the outer header has the ECN field of the inner. So has it the DSCP (RFC 4301 §5.1.2.1),
 * which keeps a routing protocol's precedence on the underlay.
 */
export const encapsulatedTos = (innerTos: number): number => innerTos

/** RFC 6040 §4.1 where the DSCP is another one: the ECN field is copied all the same. */
export const ecnOnly = (innerTos: number): number => innerTos & 3
