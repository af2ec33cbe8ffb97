import { expect, test } from 'vitest';
import { everyFault, runModel } from '../../golden/java-model.ts';
import type { Faults } from '../../golden/java-model.ts';
import { readRuns } from '../../golden/java-schedule.ts';
import { classesOf, event, history, lb, rowsOf, runsOf, vm } from '../../support/java-history.ts';

const day = 86_400;
const volume = (hour: number, type: string, values: string) =>
  event(hour, type, `5,NULL,31,NULL,1024,NULL,NULL,${values}`);
const network = (hour: number, type: string, more: object) =>
  event(hour, type, `7,NULL,8,NULL,NULL,'Implemented',NULL,NULL`, more);
const columns =
  'id,data_center_id,account_id,vm_id,volume_id,agg_io_read,agg_io_write,agg_bytes_read,agg_bytes_write,net_io_read,net_io_write,current_io_read,current_io_write,net_bytes_read,net_bytes_write,current_bytes_read,current_bytes_write';
/** Statistics of disks 1 to 502, of which those from the 500th on have grown. */
const disks = Array.from({ length: 502 }, (_, n) => {
  const grown = n >= 499 ? 10 : 0;
  return `(${n + 1},1,3,${n + 1},${n + 1},${grown}${',0'.repeat(11)})`;
});
const onceForBoth =
  'window\trun_at\n2026-03-01 00:00:00..2026-03-02 23:59:59\t2026-03-03 00:15:00\n';

interface Story {
  readonly class: string;
  readonly script: readonly string[];
  readonly undo?: Faults['undo'];
  readonly runs?: string;
}

test.each<Story>([
  {
    class: 'late-id',
    script: [lb(1, 'LB.CREATE', { id: 20 }), lb(2, 'LB.DELETE', { id: 10, late: day })],
  },
  {
    class: 'disk-500',
    script: [
      lb(1, 'LB.CREATE'),
      `INSERT INTO cloud.vm_disk_statistics (${columns}) VALUES ${disks.join(',')};`,
    ],
  },
  {
    class: 'failed-job',
    script: [
      lb(1, 'LB.CREATE'),
      event(30, 'NET.IPASSIGN', `4,'192.0.2.1',NULL,0,NULL,NULL,NULL,NULL`),
    ],
  },
  {
    // Pulled back, a run finds a network that ends before it begins: less than no time, and it fails.
    class: 'pull-back',
    script: [
      lb(1, 'LB.CREATE', { id: 201 }),
      network(2, 'NETWORK.CREATE', { id: 202 }),
      network(12, 'NETWORK.UPDATE', { id: 203 }),
      network(11, 'NETWORK.UPDATE', { id: 204, late: day }),
    ],
  },
  {
    class: 'silent-failure',
    script: [
      vm(1, 'VM.CREATE', 1),
      vm(1, 'VM.START', 1),
      event(5, 'VM.START', `1,'vm-1',5,NULL,NULL,'KVM',NULL,NULL`),
    ],
  },
  {
    class: 'undo',
    undo: 'volume',
    script: [lb(1, 'LB.CREATE'), volume(2, 'VOLUME.CREATE', '7'), vm(3, 'VM.CREATE', 1)],
  },
  {
    class: 'catch-up',
    runs: onceForBoth,
    script: [
      event(1, 'BACKUP.OFFERING.ASSIGN', `1,'b',5,NULL,NULL,NULL,NULL,NULL`),
      event(30, 'BACKUP.USAGE.METRIC', `1,'b',5,NULL,100,NULL,200,NULL`),
    ],
  },
  {
    class: 'merged-minute',
    script: [
      lb(1, 'LB.CREATE', { id: 101 }),
      event(24 - 30 / 3600, 'VPC.CREATE', `7,NULL,NULL,NULL,NULL,NULL,NULL,NULL`, {
        id: 102,
        late: 3600,
      }),
    ],
  },
  {
    class: 'pull-back',
    script: [
      lb(1, 'LB.CREATE', { id: 111 }),
      event(20, 'VPC.CREATE', `7,NULL,NULL,NULL,NULL,NULL,NULL,NULL`, { id: 112, late: 8 * 3600 }),
    ],
  },
  {
    class: 'cross-account',
    script: [vm(1, 'VM.CREATE', 1), vm(1, 'VM.START', 1), vm(5, 'VM.STOP', 1, { account: 4 })],
  },
])(
  '$class excuses the rows of a server that has the fault, and no others (%#)',
  { timeout: 60_000 },
  (story) => {
    const golden = history(story.script.join('\n'));
    const { changes, rangeMs } = golden;
    const runs = story.runs === undefined ? runsOf(golden) : readRuns(story.runs);
    const faults = { ...everyFault, undo: story.undo ?? null };
    const counted = [...runModel({ changes, rangeMs, runs }, faults).rows];
    const server = counted.flatMap(([line, count]) => Array.from({ length: count }, () => line));
    const said = (usage: readonly string[]) => classesOf(golden, usage, runs);
    expect(said(server)).toContain(story.class);
    expect(said(server)).not.toContain('UNEXPLAINED');

    const ours = new Set(rowsOf(golden));
    for (const [at, line] of server.entries()) {
      const cells = line.split('\t');
      const others = server.toSpliced(at, 1);
      const raw = cells.with(6, String(Number(cells[6]) + 0.5)).join('\t');
      expect(said([...others, raw]), `raw_usage of ${line}`).toContain('UNEXPLAINED');
      const text = cells.with(3, `${cells[3]}!`).join('\t');
      expect(said([...others, text]), `description of ${line}`).toContain('UNEXPLAINED');
      expect(said([...server, line]), `once more: ${line}`).toContain('UNEXPLAINED');
      if (ours.has(line) && !others.includes(line))
        expect(said(others), `missing: ${line}`).toContain('UNEXPLAINED');
    }
  },
);
