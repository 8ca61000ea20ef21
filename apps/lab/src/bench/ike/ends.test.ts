import t from 'tap'
import { ownCores } from './ends.js'

t.test('the cores that a process may run on are read as the kernel writes them', async t => {
  for (const [list, cores] of [
    ['0-1', [0, 1]],
    ['3', [3]],
    ['2,5-7', [2, 5, 6, 7]],
  ] as const)
    t.same(ownCores(`Name:\tnode\nCpus_allowed_list:\t${list}\nMems_allowed:\t1\n`), cores)
})
