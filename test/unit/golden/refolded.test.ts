import { expect, test } from 'vitest';
import { explain } from '../../golden/explain.ts';
import { everyFault, noFaults, runModel } from '../../golden/java-model.ts';
import { punctualRuns } from '../../golden/java-schedule.ts';
import { refoldedRows } from '../../golden/refolded.ts';
import type { Golden } from '../../support/golden.ts';
import { playSqlScript } from '../../support/sql-script.ts';

const day = 86_400_000;
const fromMs = Date.UTC(2026, 2, 1);
const seconds = fromMs / 1000;

const at = (hours: number): string => `SET TIMESTAMP=${seconds + hours * 3600};`;
const volume = (id: number, type: string, hour: string, vm: number | null): string =>
  `INSERT INTO cloud.usage_event (id,type,account_id,created,zone_id,resource_id,resource_name,offering_id,template_id,size,resource_type,virtual_size,vm_id)
   VALUES (${id},'${type}',3,'2026-03-01 ${hour}:00:00',1,9,NULL,31,NULL,1024,NULL,NULL,${vm ?? 'NULL'});`;

/** Volume 9 is made at 09:00 and attached at 10:00; its creation commits after the first day's run. */
const inputSql = `${at(-1)}
INSERT INTO cloud.account (id,uuid,account_name,type,role_id,domain_id) VALUES (3,'u','n',0,4,2);
${at(10)} ${volume(2, 'VOLUME.ATTACH', '10', 7)}
${at(26)} ${volume(1, 'VOLUME.CREATE', '09', null)}
`;
const golden: Golden = {
  name: 'own',
  inputSql,
  changes: playSqlScript(inputSql),
  usage: [],
  ...{ rangeMs: day, fromMs, toMs: fromMs + 2 * day, runDelayMs: 900_000 },
};
const span = { startMs: golden.fromMs, endMs: golden.toMs };
const runs = punctualRuns(span, { rangeMs: day, delayMs: golden.runDelayMs });
const literal = runModel({ changes: golden.changes, rangeMs: day, runs }, noFaults).rows;
const secondDay = (lines: Iterable<string>): string[] =>
  [...lines]
    .filter((line) => line.includes('\t2026-03-02 00:00:00\t'))
    .map((line) => line.split('\t')[3] ?? '')
    .toSorted();

test('a late event counts in its own time for all windows after it', () => {
  const made = 'Volume Id: 9 usage time (DiskOffering: 31)';
  const missed = `Adjustment for 2026-03-01 00:00:00 .. 2026-03-01 23:59:59: ${made}`;
  expect(secondDay(refoldedRows(golden, literal).keys())).toEqual([
    missed,
    made,
    `${made} (VM: 7)`,
  ]);
  // Where it acts on what is there when it comes, the stay at the VM ends before it began.
  expect(secondDay(literal.keys())).toEqual([made]);
});

test('each row of a server that computes again with a late event is explained, and no other', () => {
  const changes = playSqlScript(inputSql.replace('(1,', '(3,'));
  const late = { ...golden, changes };
  const own = { changes, rangeMs: day, runs };
  const ours = [...refoldedRows(late, runModel(own, noFaults).rows).keys()];
  const usage = [...runModel(own, { ...everyFault, undo: 'none' }).rows.keys()];
  const classesOf = (server: readonly string[]) =>
    explain({ ...late, usage: server }, ours).map((one) => `${one.class} ${one.side}`);
  expect(classesOf(usage).toSorted()).toEqual([
    'late-event ours',
    'late-event ours',
    'pull-back server',
  ]);
  const [row = '', ...others] = usage;
  expect(classesOf([row.replace('\t1024\t', '\t1025\t'), ...others])).toContain(
    'UNEXPLAINED server',
  );
});

test('without late events nothing is folded again', () => {
  const early = { ...golden, changes: golden.changes.slice(0, 2) };
  expect(refoldedRows(early, literal)).toBe(literal);
});
