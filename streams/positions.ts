import { defineStream } from '../src/contracts/stream.ts';

/** The tailer's resume position per source; its one partition is also the tailer's seat of leadership. */
export const positions = defineStream({
  name: 'positions',
  topic: (prefix) => `${prefix}.positions`,
  cleanup: 'compact',
  retentionMs: 'forever',
  partitions: 1,
  writer: 'tail',
  readers: ['tail', 'operator'],
  key: 'source name',
  what: 'resume position of the binlog, written in the transaction of the records before it',
});
