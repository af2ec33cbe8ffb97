import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { quirkSet } from '../../src/domain/quirks.ts';
import { openCloud } from '../support/audited-cloud.ts';
import { pointsOf } from '../support/crash-command.ts';
import { usageLines } from '../support/damaged-tables.ts';
import { foldGolden, formatGoldenRows, readGolden } from '../support/golden.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

test(
  'a repair killed at any step has changed nothing or everything, and is done or taken back afterwards',
  { timeout: 60_000 },
  async () => {
    using folder = scratchFolder();
    const undoAt = (at: string) => join(folder.path, `${at}.sql`);
    await using cloud = await openCloud('bug13112', { wideVolumeKey: true });
    const { tables } = cloud;
    const before = await tables.content();
    const points = pointsOf('repair');
    for (const at of points) {
      expect(await tables.content(), at).toEqual(before);
      cloud.dieInRepair(at, '--apply', '--undo', undoAt(at));
      expect(existsSync(undoAt(at))).toBe(true);
    }
    // The last of them died after it had committed.
    const { rows } = foldGolden(await readGolden('bug13112'), quirkSet('java-4.23'));
    expect(await usageLines(tables)).toEqual(formatGoldenRows(rows).toSorted());
    expect(cloud.audit()).toMatchObject({ isDamaged: false });
    expect(cloud.repair('--apply', '--undo', undoAt('again')).undoPath).toBeNull();

    await cloud.undo(undoAt('repair.after-commit'));
    expect(await tables.content()).toEqual(before);
    // The file of a repair that never was takes nothing back.
    await expect(cloud.undo(undoAt('repair.undo-written'))).rejects.toThrow(/Duplicate entry/);
    expect(await tables.content()).toEqual(before);
  },
);
