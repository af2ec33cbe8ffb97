import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import { presets } from '../../src/domain/quirks.ts';
import { quoteName } from '../../src/platform/mysql.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { tell } from '../support/cloud-story.ts';
import type { StoryEvent } from '../support/cloud-story.ts';
import { balancer, ip, vm, volume } from '../support/story-events.ts';
import { crashAtEach } from '../chaos/crash-chain.ts';
import { brief, publishedDays } from '../support/published-days.ts';
import { servers } from '../support/servers.ts';
import { runStages, untilArgs } from '../support/stages.ts';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

/*
 * R1 to R8, R10 and R11 of the histories with which CloudStack's usage server bills twice, for ever, or not at
 * all (docs/cloudstack/windows.md), mostly because one event undid others. Here each row is written once,
 * whatever the preset. R9 and R13 are in cloud-windows.test.ts, R12 in long-day.test.ts.
 */

const day = 86_400_000;
const startMs = Date.parse('2026-05-04T00:00:00Z');
const fifthDay = startMs + 5 * day;

const firstDay = (time: string) => `2026-05-04 ${time}`;

async function newPipeline(preset: (typeof presets)[number]): Promise<Pipeline> {
  const { mariadbUrl, kafkaBrokers } = servers();
  const kafka = kafkaBrokers.join(',');
  return createPipeline({ mariadbUrl, kafka, partitions: 2, preset, raw: false });
}

async function runUntil(pipeline: Pipeline, untilMs: number): Promise<void> {
  const until = untilArgs(untilMs);
  await runStages(pipeline, [
    ['tail', ...until],
    ['aggregate', ...until],
    ['sink', ...until],
  ]);
}

async function ownRows({ pool, names }: Pipeline, sql: string): Promise<RowDataPacket[]> {
  const [rows] = await pool.query<RowDataPacket[]>(
    sql.replaceAll('$', `${quoteName(names.schema)}.`),
  );
  return rows;
}

/** The wanted rows of each of five days: the first day by itself, then the same every day. */
const days = (first: readonly string[], rest: readonly string[]): string[] => [
  ...first.map((line) => `day 0 ${line}`),
  ...[1, 2, 3, 4].flatMap((n) => rest.map((line) => `day ${n} ${line}`)),
];

const scenarios = [
  {
    why: 'R1: a deployment with a volume of the machine, which its table cannot hold twice, bills all of it once a day',
    events: [
      vm('VM.CREATE', firstDay('06:00:00')),
      volume('VOLUME.CREATE', firstDay('06:00:00'), { vm_id: 7 }),
      vm('VM.START', firstDay('06:00:01')),
    ],
    wanted: days(
      ['type 1 7@7 64799', 'type 2 7@7 64800', 'type 6 9 64800', 'type 6 9@7 64800'],
      ['type 1 7@7 86400', 'type 2 7@7 86400', 'type 6 9 86400', 'type 6 9@7 86400'],
    ),
  },
  {
    why: 'R3: an address that is assigned, released and assigned in one second is one row a day',
    events: [
      ip('NET.IPASSIGN', firstDay('12:00:00')),
      ip('NET.IPRELEASE', firstDay('12:00:00')),
      ip('NET.IPASSIGN', firstDay('12:00:00')),
    ],
    wanted: days(['type 3 4 43200'], ['type 3 4 86400']),
  },
  {
    why: 'R4: what was closed before a poison event in its hour stays closed',
    events: [
      vm('VM.CREATE', firstDay('06:00:00')),
      vm('VM.START', firstDay('06:00:00')),
      volume('VOLUME.CREATE', firstDay('06:00:00'), { resource_id: 8 }),
      vm('VM.STOP', firstDay('07:10:00')),
      vm('VM.DESTROY', firstDay('07:10:00')),
      volume('VOLUME.DELETE', firstDay('07:20:00'), { resource_id: 8 }),
      volume('VOLUME.CREATE', firstDay('07:30:00'), { vm_id: 5 }),
    ],
    wanted: days(
      ['type 1 7@7 4200', 'type 2 7@7 4200', 'type 6 8 4800', 'type 6 9 59400', 'type 6 9@5 59400'],
      ['type 6 9 86400', 'type 6 9@5 86400'],
    ),
  },
  {
    why: 'R5: a poison event that is the first of all bills from its own second',
    events: [volume('VOLUME.CREATE', firstDay('00:00:37'), { vm_id: 7 })],
    wanted: days(['type 6 9 86363', 'type 6 9@7 86363'], ['type 6 9 86400', 'type 6 9@7 86400']),
  },
  {
    why: 'R6: two poison events of one run both take effect',
    events: [
      volume('VOLUME.CREATE', firstDay('06:00:00'), { vm_id: 7 }),
      volume('VOLUME.CREATE', firstDay('12:00:00'), { vm_id: 6, resource_id: 10 }),
    ],
    wanted: days(
      ['type 6 9 64800', 'type 6 10 43200', 'type 6 10@6 43200', 'type 6 9@7 64800'],
      ['type 6 9 86400', 'type 6 10 86400', 'type 6 10@6 86400', 'type 6 9@7 86400'],
    ),
  },
];

const nameless = [
  vm('VM.CREATE', firstDay('06:00:00')),
  ip('NET.IPASSIGN', firstDay('12:00:00'), { size: null }),
  ip('NET.IPASSIGN', firstDay('12:00:00'), { resource_id: 5, resource_name: '203.0.113.5' }),
];
const emoji = { resource_name: 'büro 😀' };
const smiling = [
  vm('VM.CREATE', firstDay('06:00:00'), emoji),
  vm('VM.START', firstDay('06:00:00'), emoji),
  volume('VOLUME.CREATE', firstDay('06:00:00')),
];

describe.each(presets)('%s', (preset) => {
  let pipeline: Pipeline;
  /** Each story in an account of its own, in one cloud. */
  const stories: readonly (readonly StoryEvent[])[] = [
    ...scenarios.map(({ events }) => events),
    nameless,
    smiling,
  ];
  const firstAccount = 3;
  const accountOf = (events: readonly StoryEvent[]) => firstAccount + stories.indexOf(events);

  beforeAll(async () => {
    pipeline = await newPipeline(preset);
    await tell(pipeline, {
      accounts: stories.map(accountOf),
      events: stories.flatMap((events) =>
        events.map((event) => ({ ...event, account_id: accountOf(events) })),
      ),
    });
    await runUntil(pipeline, fifthDay);
  });
  afterAll(() => pipeline[Symbol.asyncDispose]());

  test.each(scenarios)('$why', async ({ events, wanted }) => {
    const rows = await publishedDays(pipeline, startMs, accountOf(events));
    expect(brief(rows)).toEqual(wanted.toSorted(byDayAndType));
  });

  test('R8: an address without its size is one dead letter, and all else is billed', async () => {
    expect(brief(await publishedDays(pipeline, startMs, accountOf(nameless)))).toEqual(
      days(['type 2 7@7 64800', 'type 3 5 43200'], ['type 2 7@7 86400', 'type 3 5 86400']),
    );
    const letters = await ownRows(pipeline, 'SELECT reason, facts FROM $dead_letter');
    expect(letters.map((row) => [row['reason'], JSON.parse(String(row['facts']))])).toMatchObject([
      ['MISSING_VALUE', { column: 'size', eventType: 'NET.IPASSIGN' }],
    ]);
  });

  test('R11: a machine with an emoji in its name is billed; what the table cannot hold is a question mark', async () => {
    const account = accountOf(smiling);
    const rows = (await publishedDays(pipeline, startMs, account)).filter((row) => row.day === 0);
    expect(brief(rows)).toEqual(
      ['day 0 type 6 9 64800', 'day 0 type 1 7@7 64800', 'day 0 type 2 7@7 64800'].toSorted(
        byDayAndType,
      ),
    );
    expect(rows.map((row) => row.name)).toEqual(['büro ?', 'büro ?', null]);
    const kept = await ownRows(
      pipeline,
      `SELECT DISTINCT vm_name FROM $record WHERE usage_type = 1 AND account_id = ${account}`,
    );
    expect(kept).toEqual([{ vm_name: emoji.resource_name }]);
  });

  describe('on a server whose table of volumes has the wider key, with stages that end after each window', () => {
    let stopping: Pipeline;
    const [deployed] = scenarios;
    const account = { deployed: 3, late: 4, counted: 5 };

    beforeAll(async () => {
      stopping = await newPipeline(preset);
      const table = quoteName(stopping.names.cloudUsageSchema, 'usage_volume');
      await stopping.pool.query(
        `ALTER TABLE ${table} DROP INDEX id, ADD UNIQUE KEY id (volume_id, created, vm_id)`,
      );
      await tell(stopping, { accounts: Object.values(account) });
      await stopping.pool.query(
        `INSERT INTO ${quoteName(stopping.names.cloudSchema, 'user_statistics')}
           (data_center_id, account_id, device_id, device_type, network_id, agg_bytes_sent)
         VALUES (1, ${account.counted}, 12, 'DomainRouter', 77, 500)`,
      );
      await runStages(stopping, [['tail', ...untilArgs(startMs)]]);
      await tell(stopping, {
        committedMs: startMs + day / 4 + 60_000,
        events: [
          ...deployed!.events.map((event) => ({ ...event, account_id: account.deployed })),
          { ...balancer(501, firstDay('00:00:00')), account_id: account.late },
        ],
      });
      await runUntil(stopping, startMs + day);
      await tell(stopping, {
        committedMs: startMs + day + 3_600_000,
        events: [
          { ...balancer(502, firstDay('23:59:50')), account_id: account.late },
          { ...balancer(503, firstDay('22:00:00')), account_id: account.late },
        ],
      });
      const second = untilArgs(startMs + 2 * day);
      await runStages(stopping, [
        ['tail', ...second],
        ['aggregate', ...second],
      ]);
      // It dies when the growths of the window are written, and the job is not.
      const at = 'sink.helpers-written';
      const env = { USAGESTREAM_SINK: servers().mariadbUrl, USAGESTREAM_LOG: logUrl() };
      await crashAtEach(stopping, env, 'sink', [{ at, args: second }]);
      for (const stop of [2, 5]) await runUntil(stopping, startMs + stop * day);
      // Once more: nothing is left to do, and nothing is done.
      await runUntil(stopping, fifthDay);
    });
    afterAll(() => stopping[Symbol.asyncDispose]());

    test('R2: a deployment with a volume of the machine bills all of it once a day', async () => {
      const rows = await publishedDays(stopping, startMs, account.deployed);
      expect(brief(rows)).toEqual(deployed!.wanted.toSorted(byDayAndType));
      const skipped = `SELECT account_id FROM $anomaly WHERE code = 'HELPER_ROW_SKIPPED'`;
      expect(await ownRows(stopping, skipped)).toEqual([]);
      expect(await ownRows(pipeline, skipped)).toContainEqual({
        account_id: String(accountOf(deployed!.events)),
      });
    });

    test('R7: what comes 10 seconds and 2 hours late is a correction, and no window is longer or billed again', async () => {
      const rows = await publishedDays(stopping, startMs, account.late);
      const [first, second] = [0, 1].map((n) => brief(rows.filter((row) => row.day === n)));
      expect(first).toEqual(['day 0 type 11 501 86400']);
      const missed = ['day 1 type 11 502 10', 'day 1 type 11 503 7200'];
      const whole = [501, 502, 503].map((id) => `day 1 type 11 ${id} 86400`);
      expect(second?.toSorted()).toEqual([...missed, ...whole].toSorted());
      expect(
        await ownRows(
          stopping,
          'SELECT reason, action, old_quantity, new_quantity FROM $correction ORDER BY new_quantity',
        ),
      ).toEqual(
        [10_000, 7_200_000].map((ms) => ({
          ...{ reason: 'LATE_EVENT', action: 'append', old_quantity: '0' },
          new_quantity: String(ms),
        })),
      );
    });

    test('R10: a sink that died in the middle of a window goes on: each has its growths and one good job', async () => {
      const { names, pool } = stopping;
      const usage = async (sql: string) => {
        const own = sql.replace('$', `${quoteName(names.cloudUsageSchema)}.`);
        return (await pool.query<RowDataPacket[]>(own))[0];
      };
      const jobs = await usage('SELECT * FROM $usage_job WHERE end_millis > 0 ORDER BY id');
      expect(jobs.map((job) => [job['success'], ...timesOf(job)])).toEqual(
        [0, 1, 2, 3, 4].map((n) => [1, startMs + n * day, startMs + (n + 1) * day - 1]),
      );
      const grown = await usage('SELECT * FROM $usage_network ORDER BY event_time_millis');
      expect(grown.map((row) => Number(row['bytes_sent']))).toEqual([500, 0, 0, 0, 0]);
      const rows = await publishedDays(stopping, startMs, account.counted);
      expect(rows.map(({ day: n, type }) => [n, type])).toEqual([
        [0, 4],
        [0, 5],
      ]);
    });
  });
});

const logUrl = () => `kafka://${servers().kafkaBrokers.join(',')}`;
const timesOf = (job: RowDataPacket) => [Number(job['start_millis']), Number(job['end_millis'])];

/** As the query orders them: NULL machines first, then by machine and id. */
function byDayAndType(a: string, b: string): number {
  const key = (line: string) => {
    const [, n, , type, id = ''] = line.split(' ');
    const [usageId, machine = '0'] = id.split('@');
    return [n, type, machine, usageId].map((part) => String(part).padStart(6, '0')).join(' ');
  };
  return key(a) < key(b) ? -1 : 1;
}
