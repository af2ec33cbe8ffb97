import { expect, test } from 'vitest';
import { differing, countLines } from '../../golden/counts.ts';
import { explain } from '../../golden/explain.ts';
import { everyFault as faults, runModel } from '../../golden/java-model.ts';
import { jobWindows, punctualRuns, readRuns, rolledRuns } from '../../golden/java-schedule.ts';
import { messages } from '../../golden/play-input.ts';
import { readGolden, readGoldenTable } from '../../support/golden.ts';
import { classesOf, event, history, lb, rowsOf, runsOf, vm } from '../../support/java-history.ts';
import { goldenLines } from '../../support/published-lines.ts';
import { playSqlScript } from '../../support/sql-script.ts';

const day = 86_400_000;
const everyFault = { ...faults, undo: null };

test.each([
  { name: 'basic', undo: 'none' },
  { name: 'week', undo: 'none' },
  { name: 'zones', undo: 'none' },
  { name: 'volvm', undo: 'none' },
  { name: 'late', undo: 'volume' },
  { name: 'bug13112', undo: 'volume' },
  { name: 'volvm-broken', undo: 'volume' },
] as const)(
  'with every fault, the model writes the rows and jobs of $name as the server did',
  async (one) => {
    const golden = await readGolden(one.name);
    const { changes, rangeMs } = golden;
    const model = { changes, rangeMs, runs: runsOf(golden) };
    const { rows, jobs } = runModel(model, { ...everyFault, undo: one.undo });
    expect(differing(rows, countLines(goldenLines(golden.usage)))).toEqual([]);
    const done = (await readGoldenTable(one.name, 'usage_job')).filter(
      (job) => job['success'] === '1',
    );
    const spans = done.map((job) => `${job['start_millis']}..${job['end_millis']}`);
    expect(jobs.map(({ startMs, endMs }) => `${startMs}..${endMs - 1}`)).toEqual(spans);
  },
);

test('disk statistics beyond the first 500 are of class disk-500', () => {
  const disks = Array.from(
    { length: 501 },
    (_, n) => `(${n + 1},1,3,${n + 1},${n + 1},10,0,0,0)`,
  ).join(',');
  const golden = history(`${vm(1, 'VM.CREATE', 1)}
INSERT INTO cloud.vm_disk_statistics (id,data_center_id,account_id,vm_id,volume_id,agg_io_read,agg_io_write,agg_bytes_read,agg_bytes_write,net_io_read,net_io_write,current_io_read,current_io_write,net_bytes_read,net_bytes_write,current_bytes_read,current_bytes_write) VALUES ${disks.replaceAll(')', ',0,0,0,0,0,0,0,0)')};`);
  const server = rowsOf(golden, everyFault);
  expect(rowsOf(golden).length - server.length).toBe(4);
  expect(classesOf(golden, server)).toEqual(new Set(['disk-500']));
});

test('an event without a value that it needs fails every run: no rows at all', () => {
  const golden = history(
    `${lb(1, 'LB.CREATE')}\n${event(2, 'NET.IPASSIGN', `4,'192.0.2.1',NULL,0,NULL,NULL,NULL,NULL`)}`,
  );
  expect(rowsOf(golden, everyFault)).toEqual([]);
  expect(classesOf(golden, [])).toEqual(new Set(['failed-job']));
});

test('an event that commits with an id below a copied one is never seen', () => {
  const golden = history(
    [lb(1, 'LB.CREATE', { id: 20 }), lb(2, 'LB.DELETE', { id: 10, late: day / 1000 })].join('\n'),
  );
  const server = rowsOf(golden, everyFault);
  expect(server.length).toBe(2);
  expect(classesOf(golden, server)).toEqual(new Set(['late-id']));
});

test('an event half a minute before a window makes the window longer', () => {
  const golden = history(
    [
      lb(1, 'LB.CREATE', { id: 1 }),
      event(24 - 30 / 3600, 'VPC.CREATE', `7,NULL,NULL,NULL,NULL,NULL,NULL,NULL`, {
        id: 2,
        late: 3600,
      }),
    ].join('\n'),
  );
  expect(classesOf(golden, rowsOf(golden, everyFault))).toEqual(new Set(['merged-minute']));
});

test('the other order of two events of one second is a tie, if only these rows change', () => {
  const first = event(5, 'VM.STOP', `1,'vm-1',5,6,NULL,'KVM',NULL,NULL`, { id: 30 });
  const second = event(5, 'VM.START', `1,'vm-1',5,6,NULL,'KVM',NULL,NULL`, { id: 31 });
  const begin = `${vm(1, 'VM.CREATE', 1)}\n${vm(1, 'VM.START', 1)}`;
  const golden = history([begin, first, second].join('\n'));
  const reversed = history([begin, first.replace('(30,', '(32,'), second].join('\n'));
  const server = rowsOf(reversed);
  expect(new Set(server)).not.toEqual(new Set(rowsOf(golden)));
  expect(classesOf(golden, server)).toEqual(new Set(['tie']));
  expect(
    classesOf(
      golden,
      server.map((row) => row.replace('vm-1', 'vm-2')),
    ),
  ).toEqual(new Set(['UNEXPLAINED']));
});

test('one run for two windows sees in both what was there at the end', () => {
  const golden = history([lb(1, 'LB.CREATE'), lb(30, 'LB.DELETE')].join('\n'));
  const backup = history(
    [
      event(1, 'BACKUP.OFFERING.ASSIGN', `1,'b',5,NULL,NULL,NULL,NULL,NULL`),
      event(30, 'BACKUP.USAGE.METRIC', `1,'b',5,NULL,100,NULL,200,NULL`),
    ].join('\n'),
  );
  const runs = readRuns(
    'window\trun_at\n2026-03-01 00:00:00..2026-03-02 23:59:59\t2026-03-03 00:15:00\n',
  );
  const { changes, rangeMs } = backup;
  const { rows } = runModel({ changes, rangeMs, runs }, everyFault);
  expect(classesOf(backup, [...rows.keys()], runs)).toEqual(new Set(['catch-up']));
  expect(classesOf(golden, rowsOf(golden), runs)).toEqual(new Set());
});

test.each([
  { startMs: 0, endMs: 3 * day, begins: [0, day, 2 * day] },
  { startMs: day - 61_000, endMs: 2 * day, begins: [day - 61_000, day] },
  { startMs: day - 60_000, endMs: 2 * day, begins: [day - 60_000] },
  { startMs: day - 30_000, endMs: day, begins: [day - 30_000] },
])('a job from $startMs to $endMs steps through windows from $begins', ({ begins, ...job }) => {
  expect(jobWindows(job, day).map(({ startMs }) => startMs)).toEqual(begins);
});

test.each([
  { why: 'the day before 1 January', end: '2027-01-01T00:00Z', rangeMs: day, skips: true },
  { why: 'another day', end: '2027-01-02T00:00Z', rangeMs: day, skips: false },
  { why: 'the hour before midnight', end: '2026-06-08T00:00Z', rangeMs: day / 24, skips: true },
  { why: 'another hour', end: '2026-06-08T01:00Z', rangeMs: day / 24, skips: false },
  { why: 'windows of another length', end: '2027-01-01T00:00Z', rangeMs: day / 2, skips: false },
])('the first run of a new server, for $why, finds nothing: $skips', ({ end, rangeMs, skips }) => {
  const endMs = Date.parse(end);
  const span = { startMs: endMs - rangeMs, endMs: endMs + rangeMs };
  const runs = punctualRuns(span, { rangeMs, delayMs: 900_000 });
  const rolled = rolledRuns(runs, { rangeMs, zone: 'GMT' });
  expect(rolled !== null).toBe(skips);
  expect((rolled ?? runs).map(({ startMs }) => startMs)).toEqual([
    skips ? endMs : endMs - rangeMs,
    endMs,
  ]);
});

test('what the first run of a new server leaves to the second on 1 January is of a class', () => {
  const year = Date.parse('2027-01-01T00:00Z');
  const shift = year - day - Date.UTC(2026, 2, 1);
  const early = history([lb(1, 'LB.CREATE'), lb(3, 'LB.DELETE')].join('\n'));
  const moved = early.inputSql
    .replaceAll(/TIMESTAMP=(\d+)/g, (_, s: string) => `TIMESTAMP=${Number(s) + shift / 1000}`)
    .replaceAll('2026-03-01', '2026-12-31');
  const golden = {
    ...early,
    ...{ fromMs: year - day, toMs: year + day, changes: playSqlScript(moved) },
  };
  const { changes, rangeMs } = golden;
  const runs = rolledRuns(runsOf(golden), { rangeMs, zone: 'GMT' });
  if (runs === null) throw new Error('not rolled');
  const server = [...runModel({ changes, rangeMs, runs }, everyFault).rows.keys()];
  const classes = (usage: readonly string[]) =>
    explain({ ...golden, usage }, rowsOf(golden)).map((one) => `${one.class} ${one.side}`);
  // The second run begins at the first event.
  expect(classes(server)).toEqual(['catch-up ours', 'pull-back server']);
  expect(classes(rowsOf(golden))).toEqual([]);
});

test('statistics of no network fail every run', () => {
  const golden = history(`${lb(1, 'LB.CREATE')}
INSERT INTO cloud.user_statistics (id,data_center_id,account_id,public_ip_address,device_id,device_type,network_id,net_bytes_received,net_bytes_sent,current_bytes_received,current_bytes_sent,agg_bytes_received,agg_bytes_sent) VALUES (1,1,3,NULL,7,'DomainRouter',NULL,0,0,0,0,5,6);`);
  expect(rowsOf(golden, everyFault)).toEqual([]);
  expect(classesOf(golden, [])).toEqual(new Set(['failed-job']));
});

test.each([
  { value: 'true', size: '9' },
  { value: 'false', size: '5' },
])('a cloud that bills virtual sizes of snapshots ($value) is modelled so', ({ value, size }) => {
  const golden = history(
    `INSERT INTO cloud.configuration (instance,name,value) VALUES ('DEFAULT','usage.snapshot.virtualsize.select','${value}');
${event(1, 'SNAPSHOT.CREATE', `8,'s',NULL,NULL,5,NULL,9,NULL`)}`,
  );
  const sizes = new Set(rowsOf(golden).map((line) => line.split('\t')[13]));
  expect(sizes).toEqual(new Set([size]));
});

test('input is played commit time by commit time', () => {
  const script =
    "SET time_zone='+00:00';\nSET TIMESTAMP=10;\nINSERT INTO cloud.a (x) VALUES ('cloud.b');\nSET TIMESTAMP=30;\nUPDATE cloud.a SET x=1 WHERE id=2;\n";
  const all = [...messages(script, 'c1', 1)];
  expect(all.length).toBe(3);
  expect(all[1]).toContain(
    "SET TIMESTAMP=10; BEGIN;\nINSERT INTO `c1`.a (x) VALUES ('cloud.b'); COMMIT;",
  );
  expect(all[2]).toContain('SET TIMESTAMP=30; BEGIN;\nUPDATE `c1`.a SET x=1 WHERE id=2; COMMIT;');
});
