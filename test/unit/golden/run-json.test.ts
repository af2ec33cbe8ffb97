import { expect, test } from 'vitest';
import { messages } from '../../golden/play-input.ts';
import { goldenOf } from '../../golden/read-folder.ts';
import { readRunJson } from '../../golden/run-json.ts';
import { usageColumns } from '../../support/published-lines.ts';

const day = { rangeMinutes: 1440, from: '2026-03-01 00:00:00', to: '2026-03-04 00:00:00' };
const read = (more: object) => readRunJson(JSON.stringify({ ...day, ...more }));
const minutes = 60_000;

test.each([
  { why: 'said', more: { runDelayMinutes: 20, execTime: '03:00' }, delay: 20 },
  { why: 'the execution time', more: { execTime: '03:00' }, delay: 180 },
  {
    why: 'the execution time in its zone, of the day that has begun there',
    more: { 'usage.stats.job.exec.time': '00:15', execTimezone: 'Asia/Tokyo' },
    delay: 15 * 60 + 15,
  },
  {
    why: 'the execution time of each hour',
    more: { rangeMinutes: 60, execTime: '00:45', 'usage.execution.timezone': 'Asia/Kolkata' },
    delay: 15,
  },
  { why: 'not said', more: {}, delay: 15 },
  { why: 'not said, of short windows half of them', more: { rangeMinutes: 10 }, delay: 5 },
])('the delay of a run is $why', ({ more, delay }) => {
  expect(read(more).runDelayMs).toBe(delay * minutes);
});

test('the time zone is read by either name, and what says nothing to us is told', () => {
  expect(read({ timezone: 'Europe/Berlin' }).timeZone).toBe('Europe/Berlin');
  expect(read({ 'usage.aggregation.timezone': 'GMT+05:30' }).timeZone).toBe('GMT+05:30');
  expect(read({ timezone: null }).timeZone).toBeUndefined();
  expect(read({ comment: 'a', runDelayMinutes: 15 }).unread).toEqual(['comment']);
});

test.each([
  { text: '{', says: 'run.json: not JSON' },
  { text: '3', says: 'run.json: not an object' },
  { text: JSON.stringify({ ...day, from: undefined }), says: 'run.json: from: ' },
  { text: JSON.stringify({ ...day, to: 'soon' }), says: 'to: not a time in GMT' },
  { text: JSON.stringify({ ...day, rangeMinutes: 0 }), says: 'rangeMinutes: ' },
  { text: JSON.stringify({ ...day, timezone: 'Mars' }), says: 'timezone: no time zone' },
  { text: JSON.stringify({ ...day, execTime: 'noon' }), says: 'execTime: not a time' },
])('a run.json that cannot be used says why: $says', ({ text, says }) => {
  expect(() => readRunJson(text)).toThrow(says);
});

const folder = (rows: string, inputSql = '') =>
  goldenOf(
    'own',
    new Map([
      ['run.json', JSON.stringify(day)],
      ['input.sql', inputSql],
      ['cloud_usage.tsv', rows],
    ]),
  );
const cells = usageColumns.map((_, at) => String(at));

test('rows are read by their header: in any order, with or without an id', () => {
  const usual = `${usageColumns.join('\t')}\n${cells.join('\t')}\n`;
  expect(folder(usual).usage).toEqual([cells.join('\t')]);
  const other = ['id', ...usageColumns.toReversed()].join('\t');
  const line = ['77', ...cells.toReversed()].join('\t');
  expect(folder(`${other}\n${line}\n`).usage).toEqual([cells.join('\t')]);
});

test('files that are not of the form say where', () => {
  expect(() => folder('id\tzone_id\n')).toThrow('does not name account_id');
  expect(() => folder(`${usageColumns.join('\t')}\n1\t2\n`)).toThrow('line 2 has 2 columns');
  const header = `${usageColumns.join('\t')}\n`;
  expect(() => folder(header, 'TRUNCATE account;')).toThrow('not understood: TRUNCATE');
});

test('lines may end as on another system, and an input may be empty', () => {
  const usual = `${usageColumns.join('\t')}\r\n${cells.join('\t')}\r\n`;
  const { usage, changes } = folder(usual, '');
  expect(usage).toEqual([cells.join('\t')]);
  expect(changes).toEqual([]);
  expect([...messages('', 'c1')]).toEqual([]);
});

test('an input may have comments, transactions, escapes and deletions', () => {
  const input = `-- it's a comment; of one line
SET TIMESTAMP=10;
BEGIN;
INSERT INTO cloud.a (id,x) VALUES (1,'it\\'s; a \\\\');
COMMIT;
DELETE FROM cloud.a WHERE id=1;
INSERT INTO cloud.a (id,x) VALUES (1,'b')`;
  const { changes } = folder(`${usageColumns.join('\t')}\n`, input);
  expect(changes.map(({ row }) => row['x'])).toEqual(["it's; a \\", 'b']);
  expect([...messages(input, 'c1')].join('')).not.toContain('comment');
});
