import { expect, test } from 'vitest';
import { everyFault, runModel } from '../../golden/java-model.ts';
import { choicesOf } from '../../golden/chances.ts';
import { committedEvents } from '../../golden/committed-events.ts';
import { classesOf, event, history, rowsOf, runsOf, vm } from '../../support/java-history.ts';

const server = { ...everyFault, undo: 'none' } as const;
/** Another raw_usage in the first line. */
const tampered = ([line = '', ...others]: readonly string[]): string[] => {
  const cells = line.split('\t');
  cells[6] = String(Number(cells[6]) + 1);
  return [cells.join('\t'), ...others];
};

test('a machine that starts in another account ends in the first, by the lookup of a server', () => {
  const golden = history(
    [
      vm(1, 'VM.CREATE', 1),
      vm(1, 'VM.START', 1),
      vm(5, 'VM.START', 1, { account: 4 }),
      event(2, 'NETWORK.CREATE', `7,NULL,8,NULL,NULL,NULL,NULL,NULL`),
      event(6, 'NETWORK.DELETE', `7,NULL,8,NULL,NULL,NULL,NULL,NULL`, { account: 4 }),
    ].join('\n'),
  );
  const rows = rowsOf(golden, server);
  expect(classesOf(golden, rows)).toEqual(new Set(['cross-account']));
  const moved = rows.filter((line) => line.split('\t')[1] === '3' && line.includes('running'));
  const others = rows.filter((line) => !moved.includes(line));
  expect(classesOf(golden, [...others, ...tampered(moved)])).toContain('UNEXPLAINED');
});

const backup = (hour: number, type: string, size = 0) =>
  event(hour, type, `1,'b',5,NULL,${size},NULL,${2 * size},NULL`);
const twoBackups = history(
  [
    backup(1, 'BACKUP.OFFERING.ASSIGN'),
    backup(2, 'BACKUP.OFFERING.ASSIGN'),
    backup(3, 'BACKUP.USAGE.METRIC', 100),
    backup(4, 'BACKUP.USAGE.METRIC', 300),
  ].join('\n'),
);
/** The rows if the server takes these sizes for its two rows. */
const withSizes = (...sizes: readonly [number, number][]): string[] =>
  rowsOf(twoBackups, server).map((line) => {
    const [older, newer] = sizes;
    const cells = line.split('\t');
    const isOlder = Number(cells[6]) > 22.5 && cells[15] !== '2026-03-02 00:00:00';
    const [size, virtualSize] = (isOlder || cells[13] !== '0' ? older : newer) ?? [0, 0];
    cells[13] = String(size);
    cells[17] = String(virtualSize);
    return cells.join('\t');
  });

test.each([
  {
    why: 'one metric each',
    sizes: [
      [100, 200],
      [300, 600],
    ],
    found: 'random-row',
  },
  {
    why: 'all in the other',
    sizes: [
      [0, 0],
      [300, 600],
    ],
    found: 'random-row',
  },
  {
    why: 'a size that no metric has',
    sizes: [
      [100, 200],
      [301, 600],
    ],
    found: 'UNEXPLAINED',
  },
  {
    why: 'sizes of two metrics',
    sizes: [
      [100, 200],
      [300, 200],
    ],
    found: 'UNEXPLAINED',
  },
] as const)('of two open backups, $why: $found', ({ sizes: [older, newer], found }) => {
  const rows = withSizes([...older], [...newer]);
  expect(classesOf(twoBackups, rows)).toEqual(new Set([found]));
});

test('of two open backups another time than both have is a real difference', () => {
  const rows = tampered(withSizes([100, 200], [300, 600]));
  expect(classesOf(twoBackups, rows)).toContain('UNEXPLAINED');
});

test('of a detail that occurs twice a server may take the second, and no third', () => {
  const id = 900;
  const detail = (n: number, value: string) =>
    `INSERT INTO cloud.usage_event_details (id,usage_event_id,name,value) VALUES (${n},${id},'memory','${value}');`;
  const golden = history(
    [vm(1, 'VM.CREATE', 1), vm(2, 'VM.START', 1, { id }), detail(1, '512'), detail(2, '1024')].join(
      '\n',
    ),
  );
  const events = committedEvents(golden.changes).map((one) => one.event);
  const [chance] = choicesOf(events).get('vm 1') ?? [];
  if (chance === undefined) throw new Error('no choice');
  const { changes, rangeMs } = golden;
  const { rows } = runModel({ changes, rangeMs, runs: runsOf(golden) }, server, { chance });
  const lines = [...rows.keys()];
  expect(lines.some((line) => line.includes('\t1024\t'))).toBe(true);
  expect(classesOf(golden, lines)).toEqual(new Set(['random-row']));
  const third = lines.map((line) => line.replace('\t1024\t', '\t2048\t'));
  expect(classesOf(golden, third)).toEqual(new Set(['UNEXPLAINED']));
});

test('several seconds of which a server took another order are found together', () => {
  const restart = (hour: number, flip: boolean) => {
    const types = flip ? ['VM.START', 'VM.STOP'] : ['VM.STOP', 'VM.START'];
    return types.map((type) => vm(hour, type, 1)).join('\n');
  };
  const story = (flips: readonly boolean[]) =>
    [
      vm(1, 'VM.CREATE', 1),
      vm(1, 'VM.START', 1),
      ...flips.map((flip, n) => restart(3 + 2 * n, flip)),
    ].join('\n');
  const golden = history(story(Array.from({ length: 12 }, () => false)));
  const flips = [false, true, false, false, true, false, true, false, false, false, true, false];
  const rows = rowsOf(history(story(flips)), server);
  expect(classesOf(golden, rows)).toEqual(new Set(['tie']));
  expect(classesOf(golden, tampered(rows))).toContain('UNEXPLAINED');
});
