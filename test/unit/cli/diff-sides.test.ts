import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mergeGroups } from '../../../src/cli/diff/side.ts';
import { tsvSide } from '../../../src/cli/diff/tsv-side.ts';
import { diffColumns } from '../../../src/domain/diff.ts';
import { scratchFolder } from '../../support/scratch-folder.ts';

const spec = { rangeMinutes: 1440, timeZone: 'GMT' };
const head = ['account_id', 'usage_type', ...diffColumns];

const line = (account: number, date: string, usageId: number): string =>
  head
    .map((name) => {
      if (name === 'account_id') return account;
      if (name === 'usage_type') return 1;
      if (name === 'start_date') return date;
      return name === 'usage_id' ? usageId : 'NULL';
    })
    .join('\t');

test('a file in any order is read by window and account, also when it is sorted in many pieces', async () => {
  using folder = scratchFolder();
  const file = join(folder.path, 'rows.tsv');
  const lines = Array.from({ length: 200 }, (_, n) =>
    line([9, 10, 100][n % 3] ?? 0, `2026-03-0${1 + (n % 5)} 00:00:00`, n),
  );
  writeFileSync(file, [head.join('\t'), ...lines.toReversed()].join('\n'));
  const seen: string[] = [];
  let rows = 0;
  for await (const group of tsvSide(file, { spec, chunkLines: 7 }).groups(false)) {
    seen.push(`${new Date(group.windowStartMs).toISOString().slice(0, 10)} ${group.accountId}`);
    rows += group.rows.length;
  }
  expect(rows).toBe(200);
  const days = [1, 2, 3, 4, 5];
  expect(seen).toEqual(days.flatMap((day) => [9, 10, 100].map((a) => `2026-03-0${day} ${a}`)));
});

test('a file without a column of cloud_usage is refused', async () => {
  using folder = scratchFolder();
  const file = join(folder.path, 'rows.tsv');
  writeFileSync(file, 'account_id\tusage_type\n7\t1');
  const read = async () => {
    for await (const group of tsvSide(file, { spec }).groups(false)) return group;
    return null;
  };
  await expect(read()).rejects.toMatchObject({ code: 'DIFF_INPUT' });
});

test('sides are walked together: each window and account once, with what each side has of it', async () => {
  using folder = scratchFolder();
  const sides = [
    [line(9, '2026-03-01 00:00:00', 1), line(10, '2026-03-02 00:00:00', 2)],
    [line(10, '2026-03-01 00:00:00', 3), line(10, '2026-03-02 00:00:00', 4)],
  ].map((lines, at) => {
    const file = join(folder.path, `${at}.tsv`);
    writeFileSync(file, [head.join('\t'), ...lines].join('\n'));
    return tsvSide(file, { spec }).groups(false);
  });
  const seen: (string | null | undefined)[][][] = [];
  for await (const groups of mergeGroups(sides))
    seen.push(groups.map((rows) => rows.map(({ cells }) => cells.usage_id)));
  expect(seen).toEqual([
    [['1'], []],
    [[], ['3']],
    [['2'], ['4']],
  ]);
});
