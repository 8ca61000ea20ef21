import t from 'tap'
import { Lab } from './lab.js'

t.test('RFC 7296 §1.2: two routers negotiate an IKE SA and a child in four messages', async t => {
  const lab = new Lab()
  lab.both()
  lab.run(1000)
  t.matchOnly(lab.exchanges(), [
    'A > IKE_SA_INIT request 0 {SA, KE, NONCE, N(NAT_DETECTION_SOURCE_IP), N(NAT_DETECTION_DESTINATION_IP), N(IKEV2_FRAGMENTATION_SUPPORTED), N(INTERMEDIATE_EXCHANGE_SUPPORTED), N(CHILDLESS_IKEV2_SUPPORTED)}',
    'B > IKE_SA_INIT response 0 {SA, KE, NONCE, N(NAT_DETECTION_SOURCE_IP), N(NAT_DETECTION_DESTINATION_IP), N(IKEV2_FRAGMENTATION_SUPPORTED), N(INTERMEDIATE_EXCHANGE_SUPPORTED), N(CHILDLESS_IKEV2_SUPPORTED)}',
    'A > IKE_AUTH request 1 {IDi, N(INITIAL_CONTACT), IDr, AUTH, SA, TSi, TSr}',
    'B > IKE_AUTH response 1 {IDr, AUTH, SA, TSi, TSr}',
  ])
  t.equal(lab.a.children.size, 1)
  t.equal(lab.b.children.size, 1)
})
