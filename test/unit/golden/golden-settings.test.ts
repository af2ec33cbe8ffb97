import { expect, test } from 'vitest';
import { quirkSet } from '../../../src/domain/quirks.ts';
import { foldGolden } from '../../support/golden.ts';
import { playSqlScript } from '../../support/sql-script.ts';

const day = 86_400_000;
const fromMs = Date.parse('2026-03-01T00:00:00Z');
const runDelayMs = 900_000;

/** A snapshot of 5 bytes, of a volume of 9. */
const script = (setting: string) => `
SET TIMESTAMP=${fromMs / 1000 - 60};
${setting}
INSERT INTO cloud.account (id, account_name, uuid, type, role_id, domain_id, removed, cleanup_needed)
  VALUES (3, 'a', 'u', 0, 4, 2, NULL, 0);
SET TIMESTAMP=${fromMs / 1000 + 60};
INSERT INTO cloud.usage_event (id, type, account_id, created, zone_id, resource_id, resource_name,
  offering_id, template_id, size, resource_type, virtual_size, vm_id)
  VALUES (1, 'SNAPSHOT.CREATE', 3, '2026-03-01 00:01:00', 1, 8, 's', NULL, NULL, 5, NULL, 9, NULL);
`;
const setTo = (value: string) =>
  `INSERT INTO cloud.configuration (instance, name, value)
   VALUES ('DEFAULT', 'usage.snapshot.virtualsize.select', '${value}');`;

test.each([
  { why: 'a folder that says nothing bills physical sizes', setting: '', size: '5' },
  { why: 'one that says so bills virtual sizes', setting: setTo('true'), size: '9' },
  { why: 'one that says no bills physical sizes', setting: setTo('false'), size: '5' },
])('$why', ({ setting, size }) => {
  const inputSql = script(setting);
  const golden = {
    ...{ name: 'made', rangeMs: day, fromMs, toMs: fromMs + day, runDelayMs, inputSql, usage: [] },
    changes: playSqlScript(inputSql),
  };
  const { rows } = foldGolden(golden, quirkSet('java-4.23'));
  expect(rows.map((row) => row.size)).toEqual([size]);
});
