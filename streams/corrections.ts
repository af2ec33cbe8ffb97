import { defineStream } from '../src/contracts/stream.ts';

/**
 * Append-only ledger: a published quantity was wrong, by how much, why, and what was done. Values are
 * `CorrectionMessage`; on the account's partition, after the records of the window whose close made them.
 */
export const corrections = defineStream({
  name: 'usage-corrections',
  topic: (prefix) => `${prefix}.usage-corrections`,
  cleanup: 'delete',
  retentionMs: 'forever',
  partitions: 'feed',
  writer: 'sink',
  readers: ['operator'],
  key: 'account id',
  what: 'corrections of published quantities',
});
