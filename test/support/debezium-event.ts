/** An insert of a usage event into `cloud` as a Debezium with this prefix writes it, in binlog 1 at 100 times its id, committed at 1970-01-01 00:00:01. */
export const debeziumEvent = (from: string, id: number, more: object = {}): string =>
  JSON.stringify({
    before: null,
    after: {
      ...{ id, type: 'VM.START', account_id: 2, created: 1771690112000, zone_id: 1, processed: 0 },
      ...{ resource_id: null, resource_name: null, offering_id: null, template_id: null },
      ...{ size: null, resource_type: null, virtual_size: null },
      ...more,
    },
    source: {
      ...{ version: 'x', connector: 'mariadb', name: from, ts_ms: 1000, snapshot: 'false' },
      ...{ db: 'cloud', table: 'usage_event', server_id: 1, gtid: null, file: 'b.000001' },
      ...{ pos: id * 100, row: 0 },
    },
    op: 'c',
    ts_ms: 1500,
  });

/** The same of an account. */
export const debeziumAccount = (from: string, id: number): string => {
  const event = JSON.parse(debeziumEvent(from, id)) as { source: object };
  return JSON.stringify({
    ...event,
    after: {
      ...{ id, account_name: 'a', uuid: 'u', type: 0, role_id: 1, domain_id: 1 },
      ...{ removed: null, cleanup_needed: 0 },
    },
    source: { ...event.source, table: 'account' },
  });
};
