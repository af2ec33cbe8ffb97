import { escape } from 'mysql2';
import type { Counter, EventDetail, UsageEvent } from '../contracts/feed-record.ts';
import { sqlDateTime } from '../contracts/time.ts';
import { quoteName } from '../platform/mysql.ts';
import type { SimulatedAccount, Statement } from './statement.ts';

type Cell = string | number;

/** The SQL of one planned statement, as a management server would send it. */
export function statementSql(cloudSchema: string, statement: Statement): string {
  const into = (table: string): string => quoteName(cloudSchema, table);
  switch (statement.kind) {
    case 'event':
      return eventsSql(cloudSchema, [statement.event]);
    case 'detail':
      return detailsSql(cloudSchema, [statement.detail]);
    case 'counter':
      return counterSql(cloudSchema, statement.counter);
    case 'zone':
      return insert(into('data_center'), zoneColumns, [zoneCells(statement.zone)]);
    case 'domain':
      return insert(into('domain'), domainColumns, [domainCells(statement.domain)]);
    case 'account':
      return insert(into('account'), accountColumns, [accountCells(statement.account)]);
    case 'account-renamed':
      return `UPDATE ${into('account')} SET account_name = ${escape(statement.name)} WHERE id = ${statement.accountId}`;
  }
}

/** One insert of some events. */
export const eventsSql = (cloudSchema: string, events: readonly UsageEvent[]): string =>
  insert(quoteName(cloudSchema, 'usage_event'), eventColumns, events.map(eventCells));

/** One insert of some details. */
export const detailsSql = (cloudSchema: string, details: readonly EventDetail[]): string =>
  insert(quoteName(cloudSchema, 'usage_event_details'), detailColumns, details.map(detailCells));

const insert = (table: string, columns: string, rows: readonly (readonly Cell[])[]): string =>
  `INSERT INTO ${table} (${columns}) VALUES ${rows.map((cells) => `(${cells.join(',')})`).join(',')}`;

const text = (value: string | null): Cell => (value === null ? 'NULL' : escape(value));
const orNull = (value: string | null): Cell => value ?? 'NULL';

const eventColumns =
  'id,type,account_id,created,zone_id,resource_id,resource_name,offering_id,template_id,size,resource_type,virtual_size,vm_id';

function eventCells(e: UsageEvent): Cell[] {
  return [
    e.id,
    text(e.type),
    e.accountId,
    text(sqlDateTime(e.createdMs)),
    e.zoneId,
    orNull(e.resourceId),
    text(e.resourceName),
    orNull(e.offeringId),
    orNull(e.templateId),
    orNull(e.size),
    text(e.resourceType),
    orNull(e.virtualSize),
    orNull(e.vmId),
  ];
}

const detailColumns = 'id,usage_event_id,name,value';
const detailCells = (d: EventDetail): Cell[] => [d.id, d.eventId, text(d.name), text(d.value)];

const zoneColumns = 'id,name,uuid,dns1,internal_dns1,networktype';
const zoneCells = (zone: { id: string; name: string }): Cell[] => [
  zone.id,
  text(zone.name),
  text(`zone-${zone.id}`),
  text('192.0.2.1'),
  text('192.0.2.2'),
  text('Advanced'),
];

const domainColumns = 'id,parent,name,uuid,owner,path,level';
const domainCells = (domain: { id: string; name: string }): Cell[] => [
  domain.id,
  1,
  text(domain.name),
  text(`domain-${domain.id}`),
  2,
  text(`/${domain.name}/`),
  1,
];

const accountColumns = 'id,account_name,uuid,type,role_id,domain_id,state,created';
const accountCells = (account: SimulatedAccount): Cell[] => [
  account.id,
  text(account.name),
  text(account.uuid),
  0,
  4,
  account.domainId,
  text('enabled'),
  text(sqlDateTime(account.createdMs)),
];

/** Columns of the statistics tables that are not called as ours. */
const counterColumns: Readonly<Record<string, string>> = { zoneId: 'data_center_id' };

const snakeCase = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function counterSql(cloudSchema: string, { table, ...values }: Counter): string {
  const columns = Object.keys(values).map((name) => counterColumns[name] ?? snakeCase(name));
  const cells = Object.values(values).map(text);
  const totals = columns.filter((name) => /^(net|current|agg)_/.test(name));
  const update = totals.map((name) => `${name}=VALUES(${name})`).join(',');
  return `${insert(quoteName(cloudSchema, table), columns.join(','), [cells])} ON DUPLICATE KEY UPDATE ${update}`;
}
