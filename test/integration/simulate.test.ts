import { expect, test } from 'vitest';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { defaultPlan, plan } from '../../src/simulate/plan.ts';
import type { PlanOptions } from '../../src/simulate/plan.ts';
import { play } from '../../src/simulate/play.ts';
import { freeIdBase } from '../../src/simulate/schema.ts';
import { createSimulatedCloud } from '../support/simulated-cloud.ts';
import type { SimulatedCloud } from '../support/simulated-cloud.ts';

const options: PlanOptions = {
  ...defaultPlan,
  startMs: Date.parse('2026-06-01T00:00:00Z'),
  vms: 20,
  everything: true,
};
const never = new AbortController().signal;

test.each([
  { pace: 'history', rowsPerInsert: 1 },
  { pace: 'history', rowsPerInsert: 40 },
  { pace: 'flood', rowsPerInsert: 1 },
  { pace: { eventsPerSecond: 1_000_000, created: 'planned' }, rowsPerInsert: 1 },
] as const)('the tables hold what was planned ($pace, $rowsPerInsert)', async (how) => {
  await using cloud = await createSimulatedCloud();
  const statements = [...plan(options)];
  const counts = await play(statements, { ...cloud, ...how, signal: never });
  const planned = statements.flatMap((s) => (s.kind === 'event' ? [s.event] : []));
  const details = statements.flatMap((s) => (s.kind === 'detail' ? [s.detail] : []));
  expect(counts).toMatchObject({ events: planned.length, details: details.length });
  expect(await readEvents(cloud)).toEqual(
    planned.toSorted((a, b) => Number(a.id) - Number(b.id)).map((e) => ({ ...e })),
  );
  const [stored] = await cloud.connection.query<RowDataPacket[]>(
    `SELECT d.id, usage_event_id AS eventId, account_id AS accountId, name, value
     FROM ${cloud.cloudSchema}.usage_event_details d
     JOIN ${cloud.cloudSchema}.usage_event e ON e.id = usage_event_id ORDER BY d.id`,
  );
  expect(stored).toEqual(details.toSorted((a, b) => Number(a.id) - Number(b.id)));
  const [accounts] = await cloud.connection.query<RowDataPacket[]>(
    `SELECT account_name FROM ${cloud.cloudSchema}.account ORDER BY id`,
  );
  expect(accounts).toHaveLength(5);
});

test('a history is written at its planned commit times', async () => {
  await using cloud = await createSimulatedCloud();
  await cloud.connection.query(
    `ALTER TABLE ${cloud.cloudSchema}.usage_event ADD written DATETIME(3) DEFAULT UTC_TIMESTAMP(3)`,
  );
  const statements = [...plan({ ...options, eventsTarget: 300 })];
  await play(statements, { ...cloud, pace: 'history', signal: never });
  const [rows] = await cloud.connection.query<RowDataPacket[]>(
    `SELECT id, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', written) DIV 1000 AS ms
     FROM ${cloud.cloudSchema}.usage_event`,
  );
  const written = new Map(rows.map((row) => [row['id'], Number(row['ms'])]));
  const planned = statements.flatMap((s) => (s.kind === 'event' ? [s] : []));
  expect(planned.map((s) => written.get(s.event.id))).toEqual(planned.map((s) => s.commitMs));
});

test('a second plan finds free ids', async () => {
  await using cloud = await createSimulatedCloud();
  expect(await freeIdBase(cloud.target, 'us_no_such_schema')).toBe(0);
  for (let run = 0; run < 2; run += 1) {
    const idBase = await freeIdBase(cloud.target, cloud.cloudSchema);
    const statements = plan({ ...options, eventsTarget: 100, idBase });
    await play(statements, { ...cloud, pace: 'history', signal: never });
  }
  expect(await readEvents(cloud)).toHaveLength(200);
});

test('an aborted play stops early and without an error', async () => {
  await using cloud = await createSimulatedCloud();
  const stop = new AbortController();
  const counts = await play(plan(options), {
    ...cloud,
    pace: 'history',
    signal: stop.signal,
    onProgress: () => stop.abort(),
  });
  expect(counts.events).toBeGreaterThan(0);
  expect(await readEvents(cloud)).toHaveLength(counts.events);
});

async function readEvents({ connection, cloudSchema }: SimulatedCloud) {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT id, type, account_id AS accountId, TIMESTAMPDIFF(SECOND, '1970-01-01', created) AS s,
            zone_id AS zoneId, resource_id AS resourceId, resource_name AS resourceName,
            offering_id AS offeringId, template_id AS templateId, size, resource_type AS resourceType,
            virtual_size AS virtualSize, vm_id AS vmId
     FROM ${cloudSchema}.usage_event ORDER BY id`,
  );
  return rows.map(({ s, ...row }) => ({ ...row, createdMs: Number(s) * 1000 }));
}
