import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { EventLog } from '../../src/platform/log/log.ts';
import type { TailedCloud } from './tailed-cloud.ts';
import { capturedTables } from '../../src/tail/captured-tables.ts';
import { changeEvents } from '../../streams/change-events.ts';

/** A record as it lies in a raw topic, without what no two connectors have in common. */
export interface RawRecord {
  readonly partition: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [string, string])[];
}

/** Resolves when a record of a raw topic has this text in its value. */
export async function whenRawHas(log: EventLog, topic: string, text: string): Promise<void> {
  const stop = new AbortController();
  const read = new Map<number, number>();
  for (let waited = 0; waited < 60_000; waited += 50) {
    for (const { partition, earliest, next } of await log.offsets(topic)) {
      const from = read.get(partition) ?? earliest;
      if (from >= next) continue;
      read.set(partition, next);
      const range = { topic, partition, from, until: next, signal: stop.signal };
      for await (const { records } of log.read(range))
        if (records.some(({ value }) => value?.toString().includes(text))) return;
    }
    await sleep(50);
  }
  throw new Error(`no record of ${topic} has ${text}`);
}

/** The raw topics of a prefix: records by table, partition by partition. */
export async function rawTopics(
  cloud: TailedCloud,
  prefix: string,
): Promise<ReadonlyMap<string, readonly RawRecord[]>> {
  const all = new Map<string, readonly RawRecord[]>();
  for (const { name } of capturedTables) {
    const found = await cloud.records(changeEvents(cloud.cloudSchema, name).topic(prefix));
    all.set(
      name,
      found.map(({ partition, key, value, headers }) => ({
        partition,
        key: key?.toString() ?? null,
        value: value?.toString() ?? null,
        headers: Object.entries(headers),
      })),
    );
  }
  return all;
}

/** Topics that a Debezium may have made. */
export const debeziumTopics = (cloudSchema: string, prefix: string): string[] => [
  ...capturedTables.map(({ name }) => changeEvents(cloudSchema, name).topic(prefix)),
  `__debezium-heartbeat.${prefix}`,
  prefix,
];

/** Without the times of processing, version, prefix and run, which are a connector's own. */
export function masked(record: RawRecord, prefix: string): RawRecord {
  const value =
    record.value
      ?.replace(/"version":"[^"]*"/, '"version":"*"')
      .replace(`"name":${JSON.stringify(prefix)}`, '"name":"*"')
      .replace(/"ts_ms":\d+,"ts_us":\d+,"ts_ns":\d+\}$/, '"now":0}') ?? null;
  const own = new Set(['__debezium.context.connectorLogicalName', '__debezium.context.runId']);
  return {
    ...record,
    // A snapshot is taken when it is taken.
    value: value?.includes('"op":"r"') === true ? value.replaceAll(/"ts_[mun]s":\d+/g, '0') : value,
    headers: record.headers.map(([name, text]) => [name, own.has(name) ? '*' : text]),
  };
}

/** The raw topics of a prefix are those of a witness, but for what is a connector's own. @returns the former */
export async function expectSameRaw(
  cloud: TailedCloud,
  prefix: string,
  witness: string,
): Promise<ReadonlyMap<string, readonly RawRecord[]>> {
  const [ours, history] = [await rawTopics(cloud, prefix), await rawTopics(cloud, witness)];
  for (const [table, expected] of history) {
    const found = ours.get(table)!.map((each) => masked(each, prefix));
    expect(found).toEqual(expected.map((each) => masked(each, witness)));
  }
  return ours;
}
