import { expect, test } from 'vitest';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import type { Counter } from '../../src/contracts/feed-record.ts';
import { helperChanges } from '../../src/domain/helper-row.ts';
import { growthTables, intervalTables } from '../../src/domain/helper-tables.ts';
import { quirkSet } from '../../src/domain/quirks.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { foldGolden, readGolden } from '../support/golden.ts';
import { goldenTableLines, lineOf, playGoldenCloud, tableLines } from '../support/golden-tables.ts';
import { servers } from '../support/servers.ts';
import { runStages, untilArgs } from '../support/stages.ts';

test.each(['basic', 'week', 'zones', 'volvm'])(
  'after golden %s all tables that a Java usage server goes on from are as the real one left them',
  { timeout: 120_000 },
  async (name) => {
    const { mariadbUrl, kafkaBrokers } = servers();
    const kafka = kafkaBrokers.join(',');
    await using pipeline = await createPipeline({ mariadbUrl, kafka, partitions: 3 });
    const golden = await readGolden(name);
    await playGoldenCloud(pipeline, golden);
    const until = untilArgs(golden.toMs);
    await runStages(pipeline, [
      ['tail', ...until],
      ['aggregate', ...until],
      ['sink', ...until],
    ]);
    const { folds } = foldGolden(golden, quirkSet('java-4.23'), { losesLateCounters: false });
    const { lost } = foldGolden(golden, quirkSet('java-4.23'));
    const ours = (table: string) => tableLines(pipeline, name, table);

    for (const { name: table } of Object.values(intervalTables))
      expect(await ours(table)).toEqual(await goldenTableLines(name, table));
    for (const table of ['usage_event', 'usage_event_details', 'account'])
      expect(await ours(table)).toEqual(await goldenTableLines(name, table));
    // Ours also has the empty window in which the tail began, and the open row of the next.
    const jobs = (await ours('usage_job')).filter(
      (line) => Number(/start_millis=(\d+)/.exec(line)?.[1]) >= golden.fromMs,
    );
    expect(jobs).toEqual(await goldenTableLines(name, 'usage_job'));
    // The real server never has a statistics row that committed after one with a higher id; we do.
    for (const table of ['user_statistics', 'vm_disk_statistics', 'bucket_statistics']) {
      const ids = new Set(lost.filter((row) => row.table === table).map((row) => `id=${row.id} `));
      const isLost = (line: string) => [...ids].some((id) => line.startsWith(id));
      const lines = await ours(table);
      expect(lines.filter((line) => !isLost(line))).toEqual(await goldenTableLines(name, table));
      expect(lines.filter(isLost)).toHaveLength(ids.size);
    }
    for (const { name: table, columns } of Object.values(growthTables)) {
      const lines = await ours(table);
      const theirs = await goldenTableLines(name, table);
      expect(lines).toEqual(expect.arrayContaining(theirs));
      const expected = folds.flatMap(({ accountId, window, ...folded }) =>
        helperChanges(folded, null, window)
          .filter((change) => change.table === table)
          .map(({ cells }) =>
            cells.map((cell, at) => [columns[at]?.name ?? '', `${cell}`] as const),
          )
          .map((cells) => lineOf({ account_id: accountId, ...Object.fromEntries(cells) })),
      );
      expect(lines).toEqual(expected.toSorted());
      const surplus = lines.filter((line) => !theirs.includes(line));
      expect(surplus.filter((line) => !lost.some((row) => isGrowthOf(row, line)))).toEqual([]);
    }
    expect(await count(pipeline, 'helper_change')).toBe(0);
  },
);

/** Whether a line of usage_network or usage_vm_disk is about a statistics row. */
function isGrowthOf(row: Counter, line: string): boolean {
  if (row.table === 'bucket_statistics') return false;
  const cells =
    row.table === 'user_statistics'
      ? { host_id: row.deviceId, network_id: row.networkId }
      : { vm_id: row.vmId, volume_id: row.volumeId };
  return Object.entries({ account_id: row.accountId, zone_id: row.zoneId, ...cells }).every(
    ([column, cell]) => line.includes(`${column}=${cell} `),
  );
}

async function count(pipeline: Pipeline, table: string): Promise<number> {
  const [rows] = await pipeline.pool.query<RowDataPacket[]>(
    `SELECT COUNT(*) AS n FROM ${pipeline.names.schema}.${table}`,
  );
  return Number(rows[0]?.['n']);
}
