import { expect } from 'vitest';
import type { EventLog, LogBatch } from '../../src/platform/log/log.ts';

/** Values of everything that is committed in a partition, in order. */
export const readValues = async (log: EventLog, topic: string, partition = 0) =>
  (await readAll(log, topic, partition)).map(({ value }) => String(value));

/** The same with keys, headers and times. */
export async function readAll(log: EventLog, topic: string, partition = 0) {
  const range = (await log.offsets(topic)).find((one) => one.partition === partition);
  if (!range) throw new Error(`no partition ${partition} of ${topic}`);
  const { earliest: from, next: until } = range;
  const signal = new AbortController().signal;
  const batches = await collect(log.read({ topic, partition, from, until, signal }));
  if (until > from) expect(batches.at(-1)?.nextOffset).toBe(until);
  return batches.flatMap(({ records }) => records);
}

/** Batches until they end. */
export async function collect(batches: AsyncIterable<LogBatch>): Promise<LogBatch[]> {
  const all: LogBatch[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}
