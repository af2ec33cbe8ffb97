import { defineStream } from '../src/contracts/stream.ts';

/** Records that could not be used, whole, with the reason; they can be replayed into the feed. */
export const deadLetters = defineStream({
  name: 'dead-letters',
  topic: (prefix) => `${prefix}.dead-letters`,
  cleanup: 'delete',
  retentionMs: 'forever',
  partitions: 1,
  writer: ['tail', 'sink'],
  readers: ['operator', 'api'],
  key: 'topic/partition/offset of the refused record, or file/pos/row in the binlog',
  what: 'refused records with reason, facts and their bytes',
});
