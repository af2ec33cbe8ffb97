import type { FeedRecord } from '../contracts/feed-record.ts';
import type { LogRecord } from '../platform/log/log.ts';
import { nextCloseMs } from './close-windows.ts';
import type { FoldRules } from './close-windows.ts';
import type { Limits } from './limits.ts';
import { parseRecord } from './parse-record.ts';
import type { Progress } from './store.ts';
import type { Unit } from './unit.ts';

interface Taken {
  /** Index of the first record that was not taken. */
  readonly at: number;
  /** With the watermark of all that was taken, and of the one that makes a close due. */
  readonly progress: Progress;
  readonly isCloseDue: boolean;
}

/**
 * Takes records into a unit, in order, up to one whose watermark makes a close due: windows close before
 * that record counts, so that results follow from the feed's order alone.
 */
export function takeRecords(
  unit: Unit,
  records: readonly LogRecord[],
  from: number,
  before: Progress,
  rules: FoldRules,
  { unitLength }: Limits,
): Taken {
  let progress = before;
  let closeMs = nextCloseMs(progress, rules);
  let at = from;
  for (; at < records.length && unit.length < unitLength; at++) {
    const source = records[at];
    if (!source) break;
    const parsed = parseRecord(source.value);
    if (!parsed.ok) {
      unit.refuse(source, parsed.refusal);
      continue;
    }
    const { record } = parsed;
    const advanced = advance(progress, record);
    if (advanced !== progress) {
      progress = advanced;
      closeMs = nextCloseMs(progress, rules);
    }
    if (progress.watermarkMs !== null && progress.watermarkMs >= closeMs)
      return { at, progress, isCloseDue: true };
    unit.take(source, record, parsed.text, progress.closedUntilMs);
  }
  return { at, progress, isCloseDue: false };
}

/** The watermark after a record and, until something is closed, the earliest instant seen. */
function advance(progress: Progress, record: FeedRecord): Progress {
  const seen = record.watermarkMs;
  const watermarkMs = Math.max(seen ?? 0, progress.watermarkMs ?? 0);
  const isLater = seen !== null && (progress.watermarkMs === null || seen > progress.watermarkMs);
  let { openedMs } = progress;
  if (progress.closedUntilMs === null) {
    if (seen !== null) openedMs = Math.min(seen, openedMs ?? Infinity);
    if (record.kind === 'usage-event')
      openedMs = Math.min(record.event.createdMs, openedMs ?? Infinity);
  }
  if (!isLater && openedMs === progress.openedMs) return progress;
  return { ...progress, openedMs, watermarkMs: isLater ? watermarkMs : progress.watermarkMs };
}
