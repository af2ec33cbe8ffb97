import { expect, test } from 'vitest';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { handover } from '../support/handover.ts';
import { servers } from '../support/servers.ts';
import { runStage, untilArgs } from '../support/stages.ts';

test(
  'tables without any account are taken over once, however often the command is run, and only at their boundary',
  { timeout: 60_000 },
  async () => {
    const { mariadbUrl, kafkaBrokers } = servers();
    await using pipeline = await createPipeline({
      ...{ mariadbUrl, kafka: kafkaBrokers.join(','), partitions: 1 },
    });
    const { pool, names } = pipeline;
    const endMs = Date.UTC(2026, 2, 2);
    await pool.query(
      `INSERT INTO ${names.cloudUsageSchema}.usage_job
         (host, pid, job_type, scheduled, start_millis, end_millis, exec_time, start_date, end_date, success, heartbeat)
       VALUES ('java/10.0.0.1', 1, 0, 0, ?, ?, 0, '2026-03-01', '2026-03-01 23:59:59', 1, '2026-03-02 00:10:00')`,
      [endMs - 86_400_000, endMs - 1],
    );
    await runStage(pipeline, 'tail', ...untilArgs(endMs));
    const { takeover } = handover(pipeline);
    const despite = ['--despite', 'no-event-copies'];
    expect(takeover(...despite)).toMatchObject({ status: 0, stderr: '' });
    for (const again of [[], ['--dry-run'], despite]) {
      const { status, stdout, stderr } = takeover(...again);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toMatch(/already taken over/);
    }
    const [done] = await pool.query<RowDataPacket[]>(`SELECT kind FROM ${names.schema}.handover`);
    expect(done).toEqual([{ kind: 'takeover' }]);

    await pool.query(
      `UPDATE ${names.cloudUsageSchema}.usage_job SET end_millis = end_millis + 86400000`,
    );
    const later = takeover(...despite, '--into', 'java-20260302T000000Z');
    expect(later.status).toBe(1);
    expect(later.stderr).toMatch(/begins at 2026-03-02 00:00:00 GMT, not at 2026-03-03/);
  },
);
