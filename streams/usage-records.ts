import { defineStream } from '../src/contracts/stream.ts';

/** One record a usage row, newest revision per key; at least once, consumers keep the highest revision. */
export const usageRecords = defineStream({
  name: 'usage-records',
  topic: (prefix) => `${prefix}.usage-records`,
  cleanup: 'compact',
  retentionMs: 'forever',
  partitions: 'feed',
  writer: 'sink',
  readers: ['operator'],
  key: 'record id (hash of account, type, key, window, kind)',
  what: 'published usage rows with their lineage',
});
