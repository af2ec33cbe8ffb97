import type { ChangeOp, RowImage } from '../contracts/change-event.ts';
import type { OutRecord } from '../platform/log/log.ts';
import { changeEvents } from '../../streams/change-events.ts';
import { connectJson } from './column-types.ts';
import { jsonText } from './json-text.ts';
import type { SourceChange } from './source.ts';
import type { TableLayout } from './table-layout.ts';

export interface EnvelopeOptions {
  /** Topic prefix, which Debezium calls the logical name. */
  readonly prefix: string;
  /** Written as `source.version`. */
  readonly version: string;
  readonly connector: 'mariadb' | 'mysql';
  /** Identifies this run in the record headers, a UUID. */
  readonly runId: string;
}

/** Place of a change within its transaction, when transaction metadata is wanted; both count from 1. */
export interface TransactionOrder {
  readonly id: string;
  readonly total: number;
  readonly ofTable: number;
}

/**
 * Writes changes of one table as Debezium's JSON records without schemas: an envelope per change,
 * a tombstone after a delete, and delete, tombstone, create where an update changes the key.
 * By concatenation of parts made once, because this runs for every row.
 *
 * @see https://debezium.io/documentation/reference/stable/connectors/mariadb.html#mariadb-events
 */
export function envelopeEncoder(options: EnvelopeOptions, layout: TableLayout) {
  const topic = changeEvents(layout.db, layout.table.name).topic(options.prefix);
  const headers = contextHeaders(options);
  const names = layout.columns.map(
    (column, i) => `${i === 0 ? '{' : ','}${jsonText(column.name)}:`,
  );
  const keyStart = `{${jsonText(layout.key.name)}:`;
  const sourceStart =
    `,"source":{"version":${jsonText(options.version)},"connector":"${options.connector}",` +
    `"name":${jsonText(options.prefix)},"ts_ms":`;
  const place = `","db":${jsonText(layout.db)},"sequence":null,"ts_us":`;
  const table = `,"table":${jsonText(layout.table.name)},"server_id":`;

  const rowJson = (row: RowImage | null): string => {
    if (row === null) return 'null';
    let text = '';
    for (let i = 0; i < names.length; i++) {
      const column = layout.columns[i]!;
      text += names[i] + connectJson(column.kind, row[column.name] ?? null, column.nullable);
    }
    return text + '}';
  };
  const keyJson = (row: RowImage): string =>
    keyStart + connectJson(layout.key.kind, row[layout.key.name] ?? null, false) + '}';

  const valueJson = (
    op: ChangeOp,
    before: RowImage | null,
    after: RowImage | null,
    change: SourceChange,
    nowMs: string,
    order: TransactionOrder | null,
  ): string => {
    const at = String(change.eventMs);
    const us = change.eventUs ? String(change.eventUs) : `${at}000`;
    const { gtid, file, pos, row } = change.position;
    return (
      `{"before":${rowJson(before)},"after":${rowJson(after)}${sourceStart}${at},"snapshot":"` +
      `${change.snapshot}${place}${us},"ts_ns":${us}000${table}${change.serverId},"gtid":` +
      `${gtid === null ? 'null' : `"${gtid}"`},"file":"${file}","pos":${pos},"row":${row},` +
      `"thread":${change.thread ?? null},"query":null},"transaction":${orderJson(order)},"op":"${op}",` +
      `"ts_ms":${nowMs},"ts_us":${nowMs}000,"ts_ns":${nowMs}000000}`
    );
  };

  /** Appends the records of one change to `out`. @param nowMs The time of processing, epoch ms as text. */
  return function encode(
    change: SourceChange,
    nowMs: string,
    out: OutRecord[],
    order: TransactionOrder | null = null,
  ): void {
    const { op, before, after } = change;
    const put = (key: string, value: string | null, with_: Readonly<Record<string, string>>) =>
      void out.push({
        topic,
        partition: null,
        key,
        // At once, because text that was put together takes several times its bytes in memory.
        value: value === null ? null : Buffer.from(value),
        headers: with_,
      });
    if (op === 'd') {
      const key = keyJson(before!);
      put(key, valueJson('d', before, null, change, nowMs, order), headers);
      return put(key, null, headers);
    }
    const key = keyJson(after!);
    const oldKey = op === 'u' ? keyJson(before!) : key;
    if (oldKey === key)
      return put(key, valueJson(op, before, after, change, nowMs, order), headers);
    const moved = { '__debezium.newkey': key, ...headers };
    put(oldKey, valueJson('d', before, null, change, nowMs, order), moved);
    put(oldKey, null, moved);
    const second = order && { ...order, total: order.total + 1, ofTable: order.ofTable + 1 };
    put(key, valueJson('c', null, after, change, nowMs, second), {
      '__debezium.oldkey': oldKey,
      ...headers,
    });
  };
}

export type EnvelopeEncoder = ReturnType<typeof envelopeEncoder>;

const orderJson = (order: TransactionOrder | null): string =>
  order === null
    ? 'null'
    : `{"id":${jsonText(order.id)},"total_order":${order.total},"data_collection_order":${order.ofTable}}`;

const contextHeaders = (options: EnvelopeOptions): Readonly<Record<string, string>> => ({
  '__debezium.context.connectorLogicalName': options.prefix,
  '__debezium.context.taskId': '0',
  '__debezium.context.connectorName': options.connector,
  '__debezium.context.runId': options.runId,
});
