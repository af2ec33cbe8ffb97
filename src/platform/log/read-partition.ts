import type { LogBatch } from './log.ts';
import type { Fetcher } from './partition-fetcher.ts';

const WAIT_MS = 500;

/**
 * Committed batches of one partition, contiguous from an offset. The next fetch is under way while a
 * batch is in use: two batches are in memory at most.
 *
 * @param until Where to end; undefined: never. The last batch is cut there.
 */
export async function* readPartition(
  fetcher: Fetcher,
  options: { partition: number; from: number; until?: number | undefined; signal: AbortSignal },
): AsyncGenerator<LogBatch, void, undefined> {
  const { partition, from, until = Infinity, signal } = options;
  if (from >= until || signal.aborted) return;
  const close = () => fetcher.close();
  signal.addEventListener('abort', close);
  const fetchFrom = (at: number) => {
    const fetch = fetcher.fetch([{ partition, from: at }], WAIT_MS);
    // It may fail while nobody waits for it yet, or ever.
    fetch.catch(() => undefined);
    return fetch;
  };
  try {
    let pending = fetchFrom(from);
    for (let at = from; at < until;) {
      const [batch] = await pending;
      if (fetcher.closed) return;
      if (batch) at = batch.nextOffset;
      if (at < until) pending = fetchFrom(at);
      if (batch) yield batch.nextOffset > until ? cut(batch, until) : batch;
      if (fetcher.closed) return;
    }
  } finally {
    signal.removeEventListener('abort', close);
    fetcher.close();
  }
}

function cut(batch: LogBatch, until: number): LogBatch {
  const records = batch.records.filter(({ offset }) => offset < until);
  return { ...batch, records, nextOffset: until };
}
