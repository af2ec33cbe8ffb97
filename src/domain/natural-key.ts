import type { AccountId } from '../contracts/ids.ts';
import type { UsageRow } from '../contracts/usage-row.ts';
import type { EpochMs } from '../contracts/time.ts';

type Identity = readonly [AccountId, number, string, EpochMs, string];

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
  const identity: Identity = [row.accountId, row.usageType, row.key, windowStartMs, kind];
  return JSON.stringify(identity);
}

/** Reads what {@link naturalKey} wrote. */
export function parseNaturalKey(text: string): Pick<UsageRow, 'accountId' | 'usageType' | 'key'> {
  const [accountId, usageType, key] = JSON.parse(text) as Identity;
  return { accountId, usageType, key };
}
