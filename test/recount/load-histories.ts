import type { Connection } from '../../src/platform/mysql.ts';
import { sqlDateTime } from '../../src/contracts/time.ts';
import type { Fact, History } from './history.ts';
import { runSql } from './recount-histories.ts';

type Cell = string | number | null;

/** Writes histories into the tables that the recount reads; in any order, as sums and not steps matter. */
export async function loadHistories(connection: Connection, histories: readonly History[]) {
  await runSql(connection, 'tables');
  const put = async (table: string, rows: readonly (readonly Cell[])[]): Promise<void> => {
    for (let from = 0; from < rows.length; from += 2_000)
      await connection.query(`INSERT INTO ${table} VALUES ?`, [rows.slice(from, from + 2_000)]);
  };
  const events = histories.flatMap((history) => history.events);
  await put(
    'history',
    histories.map((_, h) => [h]),
  );
  await put(
    'owner',
    histories.flatMap(({ accounts }, h) => accounts.map((id) => [id, h])),
  );
  await put('run', histories.flatMap(runs));
  await put(
    eventTable,
    events.map((e) => [
      ...[
        e.id,
        e.type,
        e.accountId,
        sqlDateTime(e.createdMs),
        e.zoneId,
        e.resourceId,
        e.resourceName,
      ],
      ...[e.offeringId, e.templateId, e.size, e.resourceType, e.virtualSize, e.vmId],
    ]),
  );
  await put(
    'usage_event_details (usage_event_id, name, value)',
    events.flatMap((e) => e.details.map(({ name, value }) => [e.id, name, value])),
  );
  const facts = Map.groupBy(
    histories.flatMap((history) => history.facts),
    tableOf,
  );
  for (const [table, list] of facts) await put(table, list.map(cells));
}

const eventTable = `usage_event (id, type, account_id, created, zone_id, resource_id, resource_name,
  offering_id, template_id, size, resource_type, virtual_size, vm_id)`;

const runs = ({ windows }: History, h: number): Cell[][] =>
  windows.map(({ startMs, cutMs, endMs, runMs }, nth) => {
    const cutS = cutMs === null ? null : cutMs / 1000;
    return [h, nth, startMs / 1000, endMs / 1000, cutS, runMs];
  });

const tables: Readonly<Record<Fact['kind'], string>> = {
  account: 'account_fact',
  template: 'template_fact',
  bucket: 'bucket_fact',
  bucket_statistics: 'bucket_size_fact',
  user_statistics: 'counter_fact',
  vm_disk_statistics: 'counter_fact',
};
const tableOf = ({ kind }: Fact): string => tables[kind];

function cells(fact: Fact): Cell[] {
  const own = [fact.accountId, fact.atMs];
  if (fact.kind === 'account') return [...own, fact.value.domainId, fact.value.removedMs];
  if (fact.kind === 'template')
    return [...own, fact.id, Number(fact.value.isPublic), fact.value.removedMs];
  if (fact.kind === 'bucket') return [...own, fact.id, fact.value.removedMs];
  const { value: c, kind, id } = fact;
  if (c === null)
    return [...own, id, kind === 'user_statistics' ? 0 : 1, 0, 0, 0, '', 1, 0, 0, 0, 0];
  if (c.table === 'bucket_statistics') return [...own, id, c.bucketId, c.size];
  if (c.table === 'user_statistics')
    return [
      ...own,
      id,
      0,
      c.zoneId,
      c.deviceId,
      c.networkId,
      c.deviceType,
      0,
      c.aggBytesSent,
      c.aggBytesReceived,
      0,
      0,
    ];
  return [
    ...own,
    id,
    1,
    c.zoneId,
    c.vmId,
    c.volumeId,
    '',
    0,
    c.aggIoRead,
    c.aggIoWrite,
    c.aggBytesRead,
    c.aggBytesWrite,
  ];
}
