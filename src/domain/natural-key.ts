import type { UsageRow } from '../contracts/usage-row.ts';
import type { EpochMs } from '../contracts/time.ts';

/**
 * The identity of a usage row as canonical text: account, usage type, the parser's key, window, kind.
 * Two results with equal text are the same row, whatever they say.
 *
 * @param windowStartMs Start of the row's window (not of the row: some types carry own dates).
 * @param kind          `usage`, or the id of a correction.
 */
export function naturalKey(
  row: Pick<UsageRow, 'accountId' | 'usageType' | 'key'>,
  windowStartMs: EpochMs,
  kind = 'usage',
): string {
  // JSON, because keys hold names and a plain separator could occur in one.
  return JSON.stringify([row.accountId, row.usageType, row.key, windowStartMs, kind]);
}
