/**
 * The situations that the suites of strongSwan 6.0 name for rekeys, Deletes and children that meet, and where each is
 * played here. A ladder is named by its title after the citation; `left out` says why there is none.
 */
export type Played = readonly string[] | { readonly leftOut: string }

const NO_CHILD_ADDKE = { leftOut: 'a child has no additional key exchange here: packages/ikev2/README.md' }
const NOT_NEGOTIATED = { leftOut: 'a private extension that tells groups of children in IKE_AUTH' }
const NO_6311 = { leftOut: 'RFC 6311 is not announced, so that nobody may synchronise Message IDs' }

export const SITUATIONS: Readonly<Record<string, Played>> = {
  'child rekey: regular': [
    'regular: a rekeys, then deletes the old child, and no datum is lost',
    'regular: b rekeys, then deletes the old child, and no datum is lost',
  ],
  'child rekey: regular, multi KE': NO_CHILD_ADDKE,
  'child rekey: regular, KE invalid': [
    'INVALID_KE_PAYLOAD: the rekey of a is asked for again in the right group',
    'INVALID_KE_PAYLOAD: the rekey of b is asked for again in the right group',
  ],
  'child rekey: regular, KE invalid, multi KE': NO_CHILD_ADDKE,
  'child rekey: responder ignores a soft expire': [
    'responder ignores a soft expire of the child that was just rekeyed',
  ],
  'child rekey: responder handles a hard expire': [
    'responder meets a hard expire of the child that was just rekeyed',
  ],
  'child rekey: responder deletes the new SA': [
    'the responder deletes the new child before the Delete of the old one',
  ],
  'child rekey: responder lost the SA': [
    'the responder has lost the child: CHILD_SA_NOT_FOUND, and a new one is made',
  ],
  'child rekey: responder deletes the old SA, wrongly': [
    'the responder deletes the old child itself, before its answer comes',
  ],
  'child rekey: collision': [
    'collision: a1 is the lowest nonce, a closes the child it made',
    'collision: b1 is the lowest nonce, b closes the child it made',
    'collision: a2 is the lowest nonce, b closes the child it made',
    'collision: b2 is the lowest nonce, a closes the child it made',
  ],
  'child rekey: collision, multi KE': NO_CHILD_ADDKE,
  'child rekey: collision, mixed': NO_CHILD_ADDKE,
  'child rekey: collision, delayed response': [
    'collision, delayed response: b has finished before a hears; lowest nonce a1',
    'collision, delayed response: b has finished before a hears; lowest nonce b1',
    'collision, delayed response: b has finished before a hears; lowest nonce a2',
    'collision, delayed response: b has finished before a hears; lowest nonce b2',
  ],
  'child rekey: collision, delayed response, delete': [
    'b deletes old and new child before a hears its answer; lowest nonce a1',
    'b deletes old and new child before a hears its answer; lowest nonce b1',
    'b deletes old and new child before a hears its answer; lowest nonce a2',
    'b deletes old and new child before a hears its answer; lowest nonce b2',
  ],
  'child rekey: collision, delayed response, multi KE': NO_CHILD_ADDKE,
  'child rekey: collision, delayed request': [
    'the request of b is late, TEMPORARY_FAILURE comes after the Delete; lowest nonce a1',
    'the request of b is late, TEMPORARY_FAILURE comes after the Delete; lowest nonce b1',
    'the request of b is late, TEMPORARY_FAILURE comes after the Delete; lowest nonce b2',
    'the request of b is late, TEMPORARY_FAILURE comes before the Delete; lowest nonce a1',
    'the request of b is late, TEMPORARY_FAILURE comes before the Delete; lowest nonce b1',
    'the request of b is late, TEMPORARY_FAILURE comes before the Delete; lowest nonce b2',
  ],
  'child rekey: collision, request delayed more': [
    'the request of b is so late that the old child is gone; lowest nonce a1',
    'the request of b is so late that the old child is gone; lowest nonce b1',
    'the request of b is so late that the old child is gone; lowest nonce b2',
  ],
  'child rekey: collision, request delayed more, delete': [
    'the request of b is late, and the new child is deleted too; lowest nonce a1',
    'the request of b is late, and the new child is deleted too; lowest nonce b1',
    'the request of b is late, and the new child is deleted too; lowest nonce b2',
  ],
  'child rekey: collision, delayed request, multi KE': NO_CHILD_ADDKE,
  'child rekey: collision, KE invalid': [
    'both are told INVALID_KE_PAYLOAD, and their second attempts cross; lowest nonce a1',
    'both are told INVALID_KE_PAYLOAD, and their second attempts cross; lowest nonce b1',
    'both are told INVALID_KE_PAYLOAD, and their second attempts cross; lowest nonce a2',
    'both are told INVALID_KE_PAYLOAD, and their second attempts cross; lowest nonce b2',
  ],
  'child rekey: collision, KE invalid, delayed retry': [
    'both are told INVALID_KE_PAYLOAD, and one second attempt is late; lowest nonce a1',
    'both are told INVALID_KE_PAYLOAD, and one second attempt is late; lowest nonce b1',
    'both are told INVALID_KE_PAYLOAD, and one second attempt is late; lowest nonce b2',
  ],
  'child rekey: collision, responder deletes the old SA, wrongly': [
    'the same in a collision: no child too many, none too few',
  ],
  'child rekey: collision with a Delete': [
    'b deletes the child that a rekeys: TEMPORARY_FAILURE; the Delete comes first',
    'a deletes the child that b rekeys: TEMPORARY_FAILURE; the Delete comes first',
  ],
  'child rekey: collision with a Delete, multi KE': NO_CHILD_ADDKE,
  'child rekey: collision with a Delete, which is dropped': [
    'b deletes the child that a rekeys: TEMPORARY_FAILURE; the refusal comes first',
    'a deletes the child that b rekeys: TEMPORARY_FAILURE; the refusal comes first',
    'collision with a delete, the delete request is lost once',
  ],
  'child rekey: collision with a Delete, the rekey is dropped': [
    'b deletes the child, and the rekey of a comes later',
    'a deletes the child, and the rekey of b comes later',
    'collision with a delete, the rekey request is lost once',
  ],
  'child rekey: collision with a Delete, delayed response': [
    'the responder deletes the old child itself, before its answer comes',
    'b deletes the child that a rekeys: TEMPORARY_FAILURE; the Delete comes first',
  ],
  'child rekey: collision with an IKE rekey': [
    'a rekeys the child, b the IKE SA: both are put off, both are done',
    'b rekeys the child, a the IKE SA: both are put off, both are done',
  ],
  'child rekey: collision with an IKE delete': [
    'a rekeys the child, b closes the IKE SA, which wins',
    'b rekeys the child, a closes the IKE SA, which wins',
  ],
  'ike rekey: regular': [
    'regular: a rekeys the IKE SA; the child is inherited, not touched',
    'regular: b rekeys the IKE SA; the child is inherited, not touched',
  ],
  'ike rekey: regular, multi KE': [
    'a rekeys the IKE SA with an additional key exchange',
    'b rekeys the IKE SA with an additional key exchange',
  ],
  'ike rekey: regular, KE invalid': [
    'INVALID_KE_PAYLOAD: a rekeys the IKE SA again in the right group',
    'INVALID_KE_PAYLOAD: b rekeys the IKE SA again in the right group',
  ],
  'ike rekey: regular, KE invalid, multi KE': [
    'the same with an additional key exchange, a begins',
    'the same with an additional key exchange, b begins',
  ],
  'ike rekey: collision': [
    'collision: a1 is the lowest nonce, a closes the IKE SA it made',
    'collision: b1 is the lowest nonce, b closes the IKE SA it made',
    'collision: a2 is the lowest nonce, b closes the IKE SA it made',
    'collision: b2 is the lowest nonce, a closes the IKE SA it made',
  ],
  'ike rekey: collision, multi KE': [
    'rekeys with an additional key exchange cross; lowest nonce a1',
    'rekeys with an additional key exchange cross; lowest nonce b1',
    'rekeys with an additional key exchange cross; lowest nonce a2',
    'rekeys with an additional key exchange cross; lowest nonce b2',
  ],
  'ike rekey: collision, mixed': [
    'a rekey with an additional key exchange crosses one without; lowest nonce a1',
    'a rekey with an additional key exchange crosses one without; lowest nonce b1',
    'a rekey with an additional key exchange crosses one without; lowest nonce a2',
    'a rekey with an additional key exchange crosses one without; lowest nonce b2',
  ],
  'ike rekey: collision, KE invalid': [
    'both are told INVALID_KE_PAYLOAD, and their second rekeys cross; lowest nonce a1',
    'both are told INVALID_KE_PAYLOAD, and their second rekeys cross; lowest nonce b1',
    'both are told INVALID_KE_PAYLOAD, and their second rekeys cross; lowest nonce a2',
    'both are told INVALID_KE_PAYLOAD, and their second rekeys cross; lowest nonce b2',
  ],
  'ike rekey: collision, KE invalid, delayed retry': [
    'both are told INVALID_KE_PAYLOAD, and one second rekey is late; lowest nonce a1',
    'both are told INVALID_KE_PAYLOAD, and one second rekey is late; lowest nonce b1',
    'both are told INVALID_KE_PAYLOAD, and one second rekey is late; lowest nonce b2',
  ],
  'ike rekey: collision, delayed response': [
    'collision, delayed response: b has finished before a hears; lowest nonce a1',
    'collision, delayed response: b has finished before a hears; lowest nonce b2',
  ],
  'ike rekey: collision, delayed response, multi KE': [
    'the answer to a is late, until after the step of b; lowest nonce a1',
    'the answer to a is late, until after the step of b; lowest nonce a2',
    'the answer to a is late, until after the Delete of b; lowest nonce a1',
    'the answer to a is late, until after the Delete of b; lowest nonce a2',
    'a successor that lost and that its maker never got to know is gone in time, rekeyed again or not',
  ],
  'ike rekey: collision, dropped request': [
    'the request of a is lost, the rekey of b ends it; lowest nonce a1',
    'the request of a is lost, the rekey of b ends it; lowest nonce b1',
    'the request of a is lost, the rekey of b ends it; lowest nonce a2',
  ],
  'ike rekey: collision, delayed request': [
    'the request of a is late, until before the Delete of b; lowest nonce a1',
    'the request of a is late, until before the Delete of b; lowest nonce b1',
    'the request of a is late, until before the Delete of b; lowest nonce a2',
  ],
  'ike rekey: collision, delayed request and Delete': [
    'the request of a is late, until after the Delete of b; lowest nonce a1',
    'the request of a is late, until after the Delete of b; lowest nonce b1',
    'the request of a is late, until after the Delete of b; lowest nonce a2',
  ],
  'ike rekey: collision, delayed request, multi KE': [
    'the request of a is late and comes between the key exchanges of b: it is answered as a crossing',
    'the request of a is late, until before the Delete of b, with an additional key exchange; lowest nonce a1',
    'the request of a is late, until after the Delete of b, with an additional key exchange; lowest nonce a1',
  ],
  'ike rekey: collision with a Delete': [
    'b closes the IKE SA that a rekeys: TEMPORARY_FAILURE; the Delete comes first',
    'a closes the IKE SA that b rekeys: TEMPORARY_FAILURE; the Delete comes first',
  ],
  'ike rekey: collision with a Delete, multi KE': [
    'b closes the IKE SA between two key exchanges of the rekey of a',
    'a closes the IKE SA between two key exchanges of the rekey of b',
  ],
  'ike rekey: collision with a Delete, which is dropped': [
    'b closes the IKE SA that a rekeys: TEMPORARY_FAILURE; the refusal comes first',
    'a closes the IKE SA that b rekeys: TEMPORARY_FAILURE; the refusal comes first',
    'collision with a Delete that is lost once',
  ],
  'child delete: regular': [
    'a deletes the child: the answer names the other half of the pair',
    'b deletes the child: the answer names the other half of the pair',
  ],
  'child delete: collision': [
    'both delete the child, a is first: the answers name nothing',
    'both delete the child, b is first: the answers name nothing',
  ],
  'child delete: collision, one is dropped': [
    'both delete the child, and the Delete of b is late: nothing is left of it',
    'both delete the child, and the Delete of a is late: nothing is left of it',
  ],
  'ike delete: regular': [
    'a closes the IKE SA: an empty answer, and nothing stays',
    'b closes the IKE SA: an empty answer, and nothing stays',
  ],
  'ike delete: collision': ['ike delete: the answer is empty, and nothing stays'],
  'child create: groups told in IKE_AUTH': NOT_NEGOTIATED,
  'child create: groups not told in IKE_AUTH': NOT_NEGOTIATED,
  'child create: duplicate': [
    'a is asked for a child that it has: nothing is sent',
    'b is asked for a child that it has: nothing is sent',
  ],
  'child create: collision with an IKE rekey': [
    'a makes a child while b rekeys the IKE SA: both are put off, both are done',
  ],
  'child create: multi KE': NO_CHILD_ADDKE,
  'ike mid sync: responder, retransmit, replay': NO_6311,
  'ike mid sync: disabled': ['a Message ID that nobody agreed to synchronise is not taken, RFC 6311 or not'],
  'ike mid sync: sender too low, receiver updated, active': NO_6311,
}
