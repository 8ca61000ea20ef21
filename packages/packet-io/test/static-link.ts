/**
 * Two routers with fixed keys on one machine, and iperf3 across them: what the data path can do without IKE.
 *
 *     node dist/test/static-link.js [--suite aes256gcm16] [--none] [--v6] [--transport] [--seconds 5] [--small] [--udp] [--blast] [--idle 500]
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import {
  type LinkOptions,
  Namespaces,
  PLAIN_LINK,
  run,
  type StaticRouter,
  staticLink,
  whyNot,
} from './static-lab.js'
import type { SuiteName } from './suites.js'

const { values } = parseArgs({
  options: {
    suite: { type: 'string', default: PLAIN_LINK.suite },
    seconds: { type: 'string', default: '5' },
    none: { type: 'boolean' },
    v6: { type: 'boolean' },
    transport: { type: 'boolean' },
    small: { type: 'boolean' },
    blast: { type: 'boolean' },
    rate: { type: 'string', default: '400000' },
    udp: { type: 'boolean' },
    wait: { type: 'boolean' },
    idle: { type: 'string', default: '0' },
  },
})
const options: LinkOptions = {
  ...PLAIN_LINK,
  suite: values.suite as SuiteName,
  mode: values.transport ? 'transport' : 'tunnel',
  encapsulation: values.none ? 'none' : 'udp',
  v6: values.v6 ?? false,
  idle: Number(values.idle),
  mtu: values.v6 ? 1360 : 1400,
}

/** CPU seconds of a process and all its threads so far. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** Busy seconds of the whole machine so far. */
function busySeconds(): number {
  const cpu = readFileSync('/proc/stat', 'utf8').split('\n')[0]!.trim().split(/\s+/).slice(1).map(Number)
  return (cpu.reduce((a, b) => a + b, 0) - cpu[3]! - cpu[4]!) / 100
}

interface Iperf {
  readonly end: {
    readonly sum_sent?: { readonly bits_per_second: number; readonly retransmits?: number }
    readonly sum_received?: { readonly bits_per_second: number; readonly bytes: number }
    readonly sum?: { readonly packets: number; readonly lost_packets: number; readonly seconds: number }
  }
}

async function measure(
  hosts: readonly [string, string],
  routers: readonly StaticRouter[],
  name: string,
  args: string[],
): Promise<void> {
  const server = spawn('ip', ['netns', 'exec', hosts[1], 'iperf3', '-s', '-1'], { stdio: 'ignore' })
  await sleep(300)
  const before = routers.map(r => cpuOf(r.pid))
  const busy = busySeconds()
  const client = spawn('ip', [
    'netns',
    'exec',
    hosts[0],
    'iperf3',
    '-c',
    '10.2.0.2',
    '-J',
    '-t',
    values.seconds,
    ...args,
  ])
  let json = ''
  client.stdout.on('data', chunk => {
    json += String(chunk)
  })
  await new Promise(resolve => client.on('exit', resolve))
  server.kill()
  const cpu = routers.map((r, i) => cpuOf(r.pid) - before[i]!)
  const all = busySeconds() - busy
  const { sum_received, sum_sent, sum } = (JSON.parse(json) as Iperf).end
  const cpuText = `cpu ${cpu.map(s => s.toFixed(2)).join(' + ')} s, machine ${all.toFixed(2)} s`
  if (sum !== undefined && args.includes('-u')) {
    const arrived = sum.packets - sum.lost_packets
    const each = ((cpu[0]! + cpu[1]!) / arrived) * 1e6
    console.log(
      `${name}: ${Math.round(arrived / sum.seconds)} packets/s arrived of ${Math.round(sum.packets / sum.seconds)}, ${cpuText}, ${each.toFixed(2)} us routers' cpu a packet`,
    )
    return
  }
  const gb = (sum_received?.bytes ?? 0) / 1e9
  const gbit = (sum_received?.bits_per_second ?? 0) / 1e9
  console.log(
    `${name}: ${gbit.toFixed(2)} Gbit/s, ${sum_sent?.retransmits} retransmits, ${cpuText}, ${((cpu[0]! + cpu[1]!) / gb).toFixed(2)} routers' cpu s/GB, ${(all / gb).toFixed(2)} machine s/GB`,
  )
}

/** 64-byte packets from a sender that is no bottleneck. */
async function blast(hosts: readonly [string, string], routers: readonly StaticRouter[]): Promise<void> {
  const script = fileURLToPath(new URL('./blast.js', import.meta.url))
  const start = (ns: string, ...args: string[]): Promise<{ packets: number; seconds: number }> =>
    new Promise(resolve => {
      const child = spawn('ip', ['netns', 'exec', ns, process.execPath, script, ...args])
      let text = ''
      child.stdout.on('data', chunk => {
        text += String(chunk)
      })
      child.on('exit', () => resolve(JSON.parse(text)))
    })
  const counted = start(hosts[1], 'count', String(Number(values.seconds) + 2))
  await sleep(500)
  const before = routers.map(r => cpuOf(r.pid))
  const sent = await start(hosts[0], 'send', '10.2.0.2', values.seconds, values.rate)
  const got = await counted
  const cpu = routers.map((r, i) => cpuOf(r.pid) - before[i]!)
  const each = ((cpu[0]! + cpu[1]!) / got.packets) * 1e6
  const [out, back] = [sent.packets / sent.seconds, got.packets / sent.seconds].map(Math.round)
  console.log(
    `64-byte packets: ${back} packets/s arrived of ${out}, cpu ${cpu.map(s => s.toFixed(2)).join(' + ')} s, ${each.toFixed(2)} us routers' cpu a packet`,
  )
}

const reason = whyNot()
if (reason !== undefined) throw new Error(reason)
const nets = new Namespaces()
try {
  const { hosts, routers } = await staticLink(nets, options)
  const ping = run(hosts[0], 'ping', '-c', '200', '-i', '0.005', '-q', '10.2.0.2')
  console.log(ping.stdout.split('\n').slice(-4).join(' ').trim())
  if (values.wait) await sleep(Number(values.seconds) * 1000)
  else if (values.small) await measure(hosts, routers, '64-byte packets', ['-u', '-b', '0', '-l', '36'])
  else if (values.blast) await blast(hosts, routers)
  else if (values.udp) await measure(hosts, routers, 'UDP 1300', ['-u', '-b', '3G', '-l', '1300'])
  else {
    await measure(hosts, routers, 'TCP', [])
    await measure(hosts, routers, 'TCP, reverse', ['-R'])
  }
  for (const r of routers)
    console.log(
      JSON.stringify(await r.stop()),
      r.lines.filter(l => l.event?.on === 'bug'),
    )
} finally {
  nets.remove()
}
