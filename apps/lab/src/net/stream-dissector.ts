/**
 * Teaches Wireshark the framing of RFC 9329, of which it knows only an older one of another maker (TCPENCAP). TCP, IKE
 * and ESP it reads by itself. For `tshark -X lua_script:FILE`.
 */
export const STREAM_DISSECTOR = `-- RFC 9329 for Wireshark: "IKETCP" once, then messages behind a 16-bit length that counts itself.
local stream = Proto('rfc9329', 'TCP Encapsulation of IKE and IPsec')
local ike, esp = Dissector.get('isakmp'), Dissector.get('esp')
local function length(tvb, pinfo, at)
  return tvb(at, 2):uint()
end
local function message(tvb, pinfo, tree)
  if tvb:len() > 6 and tvb(2, 4):uint() == 0 then
    ike:call(tvb(6):tvb(), pinfo, tree)
  else
    esp:call(tvb(2):tvb(), pinfo, tree)
  end
  return tvb:len()
end
function stream.dissector(tvb, pinfo, tree)
  local at = 0
  if tvb:len() >= 6 and tvb(0, 6):string() == 'IKETCP' then at = 6 end
  if tvb:len() > at then dissect_tcp_pdus(tvb(at):tvb(), tree, 2, length, message) end
  return tvb:len()
end
DissectorTable.get('tcp.port'):add(4500, stream)
`
