import { beforeAll, describe, expect, test, vi } from 'vitest';
import { changeCloud, fillCloud } from '../support/cloud-changes.ts';
import { startDebezium } from '../support/debezium.ts';
import { debeziumTopics, masked, rawTopics, whenRawHas } from '../support/debezium-topics.ts';
import type { RawRecord } from '../support/debezium-topics.ts';
import { mysqlPrograms } from '../support/mysql.ts';
import { canRunDebezium, randomSuffix, servers, startMariaDb } from '../support/servers.ts';
import { startMysql } from '../../deploy/dev/mysql.ts';
import { insertEvent, tailedCloud } from '../support/tailed-cloud.ts';
import { capturedTables } from '../../src/tail/captured-tables.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const mysql = canRunDebezium() ? await mysqlPrograms() : undefined;

describe.skipIf(!canRunDebezium()).each([
  { flavour: 'mariadb', programs: '' },
  { flavour: 'mysql', programs: mysql },
] as const)('a real Debezium for $flavour on the same binlog', ({ flavour, programs }) => {
  const prefix = `d${randomSuffix()}`;
  let ours: ReadonlyMap<string, readonly RawRecord[]>;
  let theirs: ReadonlyMap<string, readonly RawRecord[]>;

  const isHere = programs !== undefined;

  beforeAll(async () => {
    if (!isHere) return;
    await using own = new AsyncDisposableStack();
    // Of its own, so that both snapshots are taken at the same place.
    const server =
      flavour === 'mysql' ? await startMysql({ programs: programs! }) : await startMariaDb();
    const { url: sourceUrl } = own.use(server);
    await using cloud = await tailedCloud(sourceUrl);
    await fillCloud(cloud.sql);
    const { cloudSchema, options } = cloud;
    await using topics = new AsyncDisposableStack();
    topics.defer(() => cloud.log.deleteTopics(debeziumTopics(cloudSchema, prefix)));
    const events = `${prefix}.${cloudSchema}.usage_event`;
    const tail = cloud.start();
    await using debezium = await startDebezium({
      flavour,
      sourceUrl,
      kafka: servers().kafkaBrokers,
      prefix,
      cloudSchema,
      partitions: options.feedPartitions,
    });
    await whenRawHas(cloud.log, events, '"snapshot":"last"');
    await changeCloud(cloud.sql);
    await insertEvent(cloud.sql, { resource_name: 'the last' });
    await whenRawHas(cloud.log, events, 'the last');
    await tail.whenCaughtUp();
    await tail.stop();
    await debezium.stop();
    [ours, theirs] = [await rawTopics(cloud, cloud.prefix), await rawTopics(cloud, prefix)];
    const mask = (all: typeof ours, own: string) =>
      new Map([...all].map(([table, found]) => [table, found.map((each) => masked(each, own))]));
    [ours, theirs] = [mask(ours, cloud.prefix), mask(theirs, prefix)];
  });

  test.skipIf(!isHere).each(capturedTables.map(({ name }) => name))(
    'writes for %s what we write: every key, value, header and partition',
    (table) => {
      expect(ours.get(table)).toEqual(theirs.get(table));
      const ops = new Set(
        theirs.get(table)?.map(({ value }) => /"op":"(.)"/.exec(value ?? '')?.[1]),
      );
      expect(ops).toContain('r');
      expect(ops.size).toBeGreaterThan(1);
    },
  );
});
