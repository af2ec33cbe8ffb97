import { defineStream } from '../src/contracts/stream.ts';

/** Which feed partition an account lives on; written once per account and feed, never changed. */
export const placement = defineStream({
  name: 'placement',
  topic: (prefix) => `${prefix}.placement`,
  cleanup: 'compact',
  retentionMs: 'forever',
  partitions: 1,
  writer: 'tail',
  readers: ['tail', 'operator'],
  key: 'account id; zone/<id> for the slice of a zone',
  what: 'feed partition and home zone of an account, and what waits for its first zone (docs/zones.md)',
});
