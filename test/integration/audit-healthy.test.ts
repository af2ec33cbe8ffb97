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

  const undo = join(folder.path, 'undo.sql');
  expect(cloud.repair('--apply', '--undo', undo).counts).toMatchObject({ deleted: 4, replaced: 1 });
  expect(cloud.audit()).toMatchObject({ status: 0, isDamaged: false, byKind: [] });
});
