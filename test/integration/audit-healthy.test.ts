import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { openCloud } from '../support/audited-cloud.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

vi.setConfig({ testTimeout: 60_000 });

test.each([
  { name: 'basic', facts: [] },
  { name: 'week', facts: ['LATE_ID_LOSS'] },
  { name: 'zones', facts: ['LATE_ID_LOSS'] },
])(
  'golden $name is clean: every row is as its events and counters make it',
  async ({ name, facts }) => {
    await using cloud = await openCloud(name);
    const before = await cloud.tables.content();
    const report = cloud.audit();
    expect(report).toMatchObject({ status: 0, isDamaged: false, byKind: [], helperTables: [] });
    expect(report.rows.right).toBe(before['cloud_usage']?.length);
    expect(report.facts.map(({ code }) => code)).toEqual(facts);
    expect(await cloud.tables.content()).toEqual(before);
  },
);

test('golden late: what came late was billed again, an event is lost by its id, and the report is a page', async () => {
  await using cloud = await openCloud('late');
  using folder = scratchFolder();
  const html = join(folder.path, 'audit.html');
  const report = cloud.audit('--html', html);
  expect(report).toMatchObject({ status: 1, jobs: { overlapping: 1 }, events: { poison: null } });
  expect(Object.fromEntries(report.byKind.map(({ kind, rows }) => [kind, rows]))).toEqual({
    differs: 1,
    rerun: 4,
  });
  const [loss] = report.facts.filter(({ code }) => code === 'LATE_ID_LOSS');
  expect(loss?.text).toContain('cloud.usage_event');
  expect(loss?.text).toContain('999');
  expect(readFileSync(html, 'utf8')).toContain('<td>LATE_ID_LOSS</td>');

  expect(cloud.audit('--from', '2026-04-02T00:00:00Z')).toMatchObject({ status: 0, byKind: [] });
  const { facts } = cloud.audit('--cloud-schema', 'not_on_this_server');
  expect(facts.map(({ code }) => code)).toEqual(['CLOUD_NOT_READ', 'OVERLAPPING_JOBS']);
  const unwritable = cloud.run('audit', '--html', join(folder.path, 'missing', 'audit.html'));
  expect(unwritable).toMatchObject({ status: 2 });

  const undo = join(folder.path, 'undo.sql');
  expect(cloud.repair('--apply', '--undo', undo).counts).toMatchObject({ deleted: 4, replaced: 1 });
  expect(cloud.audit()).toMatchObject({ status: 0, isDamaged: false, byKind: [] });
});

test('windows that our own sink published are not judged, nor is a run under way', async () => {
  await using cloud = await openCloud('basic');
  const { tables } = cloud;
  await tables.query("UPDATE $cu.usage_job SET host = 'usagestream@here' WHERE id = 3");
  await tables.query(
    `INSERT INTO $cu.cloud_usage (zone_id, account_id, domain_id, description, usage_display, usage_type,
       raw_usage, start_date, end_date)
     SELECT zone_id, account_id, domain_id, 'adjustment', '1 Hrs', usage_type, 1, start_date, end_date
     FROM $cu.cloud_usage ORDER BY end_date DESC, id LIMIT 1`,
  );
  await tables.query(
    `INSERT INTO $cu.usage_job (host, pid, job_type, scheduled, start_millis, end_millis, exec_time, heartbeat)
     VALUES ('usagestream@here', 7, 0, 0, 0, 0, 0, UTC_TIMESTAMP()),
       ('java/10.0.0.1', 7, 0, 0, 5, 4, 1, UTC_TIMESTAMP())`,
  );
  await tables.query('UPDATE $cu.usage_job SET success = 0 WHERE start_millis = 5');
  const report = cloud.audit();
  expect(report).toMatchObject({ status: 0, byKind: [], jobs: { bogus: 1 } });
  const codes = report.facts.map(({ code }) => code);
  expect(codes).toEqual(['SERVER_ALIVE', 'BOGUS_JOBS', 'OWN_WINDOWS']);
});
