import { defineStream } from '../src/contracts/stream.ts';

/** THE log: domain records by account, kept for ever; every result is folded from it. */
export const usageFeed = defineStream({
  name: 'usage-feed',
  topic: (prefix) => `${prefix}.usage-feed`,
  cleanup: 'delete',
  retentionMs: 'forever',
  partitions: 'feed',
  writer: 'tail',
  readers: ['aggregate', 'operator'],
  key: 'account id; none for settings and watermarks, which go to every partition',
  what: 'usage events, their details, counters, accounts, settings and watermarks (docs/feed.md)',
});
