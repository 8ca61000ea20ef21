import {
  Batch,
  type BatchShape,
  INBOUND_BUFFER_LENGTH,
  INBOUND_BUFFERS,
  INBOUND_SHAPE,
  OUTBOUND_SHAPE,
} from '@brunel/datapath'

/** An inbound batch has buffers for trains of datagrams (GRO), and no slots. */
const memoryOf = (shape: BatchShape): number =>
  shape.slotLength * shape.rows || INBOUND_BUFFERS * INBOUND_BUFFER_LENGTH
const newBatch = (shape: BatchShape): Batch => new Batch(shape, new ArrayBuffer(memoryOf(shape)))

export const outboundBatch = (): Batch => newBatch(OUTBOUND_SHAPE)
export const inboundBatch = (): Batch => newBatch(INBOUND_SHAPE)
