import { defineStream } from '../src/contracts/stream.ts';

/** One record a published window: control totals, so that a consumer can tell it has everything. */
export const usageWindows = defineStream({
  name: 'usage-windows',
  topic: (prefix) => `${prefix}.usage-windows`,
  cleanup: 'compact',
  retentionMs: 'forever',
  partitions: 1,
  writer: 'sink',
  readers: ['operator'],
  key: 'window start, ISO 8601',
  what: 'window published: rows and totals by usage type',
});
