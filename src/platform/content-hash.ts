import { hash } from 'node:crypto';
import type { UsageEvent } from '../contracts/feed-record.ts';

/**
 * First 8 bytes of SHA-256 over an event's content, 16 hexadecimal digits. Where the event came from is
 * not part of it: the same row read by the snapshot and from the binlog is the same event.
 */
export const contentHash = (event: UsageEvent): string =>
  hash(
    'sha256',
    JSON.stringify([
      event.id,
      event.type,
      event.accountId,
      event.createdMs,
      event.zoneId,
      event.resourceId,
      event.resourceName,
      event.offeringId,
      event.templateId,
      event.size,
      event.resourceType,
      event.virtualSize,
      event.vmId,
    ]),
    'hex',
  ).slice(0, 16);
