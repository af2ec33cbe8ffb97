import { UsageEvent } from '../contracts/feed-record.ts';
import type { RowImage } from '../contracts/change-event.ts';
import { contentHash } from '../platform/content-hash.ts';
import { RefusedRow, usageEventJson } from './feed-payload.ts';

/** {@link contentHash} of a row of usage_event as the feed has it; null for one that the feed refuses. */
export function rowHash(row: RowImage): string | null {
  try {
    const { event } = JSON.parse(`{${usageEventJson(row)}}`) as { event: unknown };
    return contentHash(UsageEvent.parse(event));
  } catch (error) {
    if (error instanceof RefusedRow) return null;
    throw error;
  }
}
