import { readDemoOptions } from './demo/options.js'
import { print, red } from './demo/paper.js'
import { addresses, tell } from './demo/story.js'
import { withoutFrr } from './peers/frr.js'
import { Sites } from './sites.js'

const options = readDemoOptions(process.argv.slice(2))
if (typeof options === 'string') {
  const asked = options.startsWith('usage')
  process[asked ? 'stdout' : 'stderr'].write(options)
  process.exit(asked ? 0 : 2)
}
if (process.getuid?.() !== 0) {
  process.stderr.write('The lab makes network namespaces and TUN interfaces: run it as root.\n')
  process.exit(1)
}

const absent = options.relay && withoutFrr()
if (absent !== false) {
  process.stderr.write(`--relay shows FRR's routers; ${absent}. On Debian: apt-get install frr\n`)
  process.exit(1)
}

const sites = await Sites.build({ nat: options.nat })
/** Ctrl-C takes away what the story is about, which then fails. */
let stopped = false
process.once('SIGINT', () => {
  stopped = true
  print('\nremoving everything')
})
sites.topology.cleanup.onSignals()
let broken = 1
try {
  broken = await tell(sites, options)
  if (!options.once) {
    await addresses(sites, options)
    print(`\nIt stays up until Ctrl-C, which removes everything.`)
    await new Promise(() => setInterval(() => undefined, 1 << 30))
  }
} catch (error) {
  if (!stopped) {
    print(`\n${red('The lab failed:')} ${(error as Error).message}`)
    for (const side of ['A', 'B'] as const)
      print(`--- router ${side} said last\n${sites.routers[side].log().slice(-2000)}`)
  }
}
const left = await sites.destroy()
for (const fault of left) print(`not removed: ${fault}`)
if (stopped) process.exit(130)
print(
  broken === 0
    ? '\nAll as promised; everything removed.'
    : `\n${broken} promise${broken === 1 ? '' : 's'} broken; everything removed.`,
)
process.exit(broken === 0 && left.length === 0 ? 0 : 1)
