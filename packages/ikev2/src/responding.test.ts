import t from 'tap'
import { Answers } from './responding.js'
import { SPEC } from './settings.js'

const answer = [Uint8Array.of(1)]

t.test('RFC 7296 §2.1, §2.3: new, repeated, forgotten or outside the window of one', async t => {
  const answers = new Answers(1)
  t.same(
    [0, 1, 2].map(id => answers.place(id)),
    ['forgotten', 'new', 'outside'],
  )
  answers.answered(answer)
  t.same(
    [0, 1, 2, 3].map(id => answers.place(id)),
    ['forgotten', 'repeated', 'new', 'outside'],
  )
  t.equal(answers.last, answer)
})

t.test(
  'RFC 7296 §2.2: Message IDs never wrap: after the last one nothing is new, and the last is a repetition',
  async t => {
    const answers = new Answers(SPEC.LAST_MESSAGE_ID)
    t.equal(answers.place(SPEC.LAST_MESSAGE_ID), 'new')
    answers.answered(answer)
    t.equal(answers.place(SPEC.LAST_MESSAGE_ID), 'repeated')
    t.equal(answers.place(0), 'forgotten')
    t.equal(answers.place(1), 'forgotten')
  },
)
