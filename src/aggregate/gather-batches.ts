import type { AccountId } from '../contracts/ids.ts';
import type { LogBatch, LogRecord } from '../platform/log/log.ts';

/**
 * Joins batches until they hold `bytes` of values or `most` records, so that one transaction takes many.
 * @param accounts When given, records of other accounts are left out; those of no account stay.
 */
export async function* gather(
  batches: AsyncIterable<LogBatch>,
  { bytes, most }: { bytes: number; most: number },
  accounts?: ReadonlySet<AccountId>,
): AsyncGenerator<LogBatch, void, undefined> {
  let records: LogRecord[] = [];
  let size = 0;
  let last: LogBatch | null = null;
  let startOffset: number | null = null;
  for await (const batch of batches) {
    startOffset ??= batch.startOffset;
    for (const record of batch.records) {
      if (accounts && record.key !== null && isOther(record.key, accounts)) continue;
      records.push(record);
      size += record.value?.length ?? 0;
      if (size < bytes && records.length < most) continue;
      const nextOffset: number = record.offset + 1;
      yield { ...batch, startOffset, records, nextOffset };
      startOffset = nextOffset;
      records = [];
      size = 0;
    }
    last = batch;
  }
  if (last) yield { ...last, startOffset: startOffset ?? last.startOffset, records };
}

/** Keys of accounts are decimal ids; what is written for all partitions has another. */
function isOther(key: Buffer, accounts: ReadonlySet<AccountId>): boolean {
  const text = key.toString();
  return /^\d+$/.test(text) && !accounts.has(text as AccountId);
}
