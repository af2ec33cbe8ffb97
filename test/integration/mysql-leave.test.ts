import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { createLogger } from '../../src/platform/logger.ts';
import { openBinlog } from '../../src/tail/binlog.ts';
import type { BinlogOptions } from '../../src/tail/binlog.ts';
import { binlogEnd } from '../../src/tail/server-facts.ts';
import type { ChangeSource } from '../../src/tail/source.ts';
import { mysqlUrl } from '../support/mysql.ts';
import { tailedCloud } from '../support/tailed-cloud.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const url = (await mysqlUrl()) ?? '';
const onMysql = test.skipIf(url === '');

const open = (
  given: Pick<BinlogOptions, 'target' | 'cloudSchema' | 'start' | 'maxQueueBytes'>,
): ChangeSource =>
  openBinlog({
    ...{ gtid: null, fileMs: null, lastXid: null, byGtid: false },
    ...{ serverId: 4_000_001, heartbeatMs: 5000, standstillMs: 60_000 },
    logger: createLogger({ level: 'silent' }),
    ...given,
  });

onMysql('whenever it hangs up, what the server still says is no warning', async () => {
  await using cloud = await tailedCloud(url);
  const { sql, target, cloudSchema } = cloud;
  const said = vi.spyOn(console, 'error').mockReturnValue();
  try {
    const start = await binlogEnd(sql);
    // Most often in the middle of logging in, which takes some milliseconds.
    for (let n = 0; n < 60; n++) {
      const source = open({ target, cloudSchema, start, maxQueueBytes: 1000 });
      for (let turn = 0; turn < n % 20; turn++) await setImmediate();
      await source[Symbol.asyncDispose]();
    }
    // Answered after all that was said before.
    await sql.query('SELECT SLEEP(0.1)');
    expect(said).not.toHaveBeenCalled();
  } finally {
    said.mockRestore();
  }
});

onMysql('left in the middle of unpacking a transaction, it is over at once', async () => {
  await using cloud = await tailedCloud(url);
  const { sql, target, cloudSchema } = cloud;
  const start = await binlogEnd(sql);
  await sql.query('SET SESSION binlog_transaction_compression = ON');
  const all = 20_000;
  const rows = Array.from(
    { length: all },
    (_, i) => `(${i + 1}, 'VM.START', 2, NOW(), 1, '${randomBytes(50).toString('hex')}')`,
  );
  await sql.query(
    `INSERT INTO usage_event (id, type, account_id, created, zone_id, resource_name)
     VALUES ${rows.join()}`,
  );
  const read = async (enough: number) => {
    await using source = open({ target, cloudSchema, start, maxQueueBytes: 100_000 });
    let count = 0;
    while (count < enough)
      for (const item of await source.take(1000))
        if ('changes' in item) count += item.changes.length;
    return count;
  };
  const part = await read(1);
  expect(part).toBeGreaterThan(0);
  expect(part).toBeLessThan(all);
  expect(await read(all)).toBe(all);
});
