import { expect, test } from 'vitest';
import { everyFault as faults, runModel } from '../../golden/java-model.ts';
import { classesOf, event, history, lb, rowsOf, runsOf, vm } from '../../support/java-history.ts';

const everyFault = { ...faults, undo: 'none' } as const;
const noUser = '\u{1F600}';

test.each([
  { what: 'an address', type: 'NET.IPASSIGN', values: `4,'2001:db8:0:1::10',NULL,NULL,0` },
  { what: 'the name of a VPN user', type: 'VPN.USER.ADD', values: `4,'${noUser}',NULL,NULL,0` },
  {
    what: 'the name of a snapshot',
    type: 'VMSNAPSHOT.ON_PRIMARY',
    values: `4,'${'n'.repeat(129)}',0,0,9`,
  },
  { what: 'no name of a VM', type: 'VM.UPGRADE', values: `4,NULL,5,6,NULL` },
])('$what that its column cannot hold fails every run', ({ type, values }) => {
  const golden = history(`${lb(1, 'LB.CREATE')}\n${event(2, type, `${values},NULL,NULL,NULL`)}`);
  expect(rowsOf(golden, everyFault)).toEqual([]);
  expect(classesOf(golden, [])).toEqual(new Set(['undo']));
});

test('what follows an event that undid others stays, also when the run fails', () => {
  const address = `4,'192.0.2.1',NULL,NULL`;
  const golden = history(
    [
      event(1, 'NET.IPASSIGN', `${address},0,NULL,NULL,NULL`),
      event(1, 'NET.IPASSIGN', `${address},0,NULL,NULL,NULL`),
      vm(2, 'VM.START', 7),
      event(3, 'NET.IPASSIGN', `${address},NULL,NULL,NULL,NULL`),
    ].join('\n'),
  );
  const { changes, rangeMs } = golden;
  const runs = runsOf(golden);
  const { rows, failedRuns } = runModel({ changes, rangeMs, runs }, everyFault);
  expect([...failedRuns]).toEqual(runs.slice(0, 1));
  expect([...rows.keys()].filter((line) => line.includes('vm-7 running'))).toHaveLength(2);
  expect(classesOf(golden, rowsOf(golden, everyFault))).not.toContain('UNEXPLAINED');
});

test('a template without bytes is ignored whoever owns it', () => {
  const values = `8,'t',NULL,NULL,0,NULL,0,NULL`;
  const golden = history(
    `${lb(1, 'LB.CREATE')}\n${event(2, 'TEMPLATE.CREATE', values, { account: 99 })}`,
  );
  expect(rowsOf(golden, everyFault)).toHaveLength(2);
});

const totals = (address: string, network = 5): string =>
  `INSERT INTO cloud.user_statistics (id,data_center_id,account_id,public_ip_address,device_id,device_type,network_id,net_bytes_received,net_bytes_sent,current_bytes_received,current_bytes_sent,agg_bytes_received,agg_bytes_sent) VALUES (1,1,3,'${address}',7,'DomainRouter',${network},0,0,0,0,5,6);`;

test('statistics of an address that the copy has no room for fail every run', () => {
  const golden = history(`${lb(1, 'LB.CREATE')}\n${totals('2001:db8:0:1::10')}`);
  expect(rowsOf(golden, everyFault)).toEqual([]);
  expect(classesOf(golden, [])).toEqual(new Set(['failed-job']));
  expect(rowsOf(history(`${lb(1, 'LB.CREATE')}\n${totals('192.0.2.1')}`), everyFault)).toHaveLength(
    4,
  );
});

test('a run that failed over rows of less than no time fails again up to the same end', () => {
  const network = `7,NULL,5,NULL,NULL,'Setup',NULL,NULL`;
  const golden = history(
    [
      totals('192.0.2.1'),
      event(20, 'NETWORK.CREATE', network, { id: 1 }),
      // Created before the network is, and committed after the first run.
      event(10, 'NETWORK.DELETE', network, { id: 2, late: 24 * 3600 }),
    ].join('\n'),
  );
  const { changes, rangeMs } = golden;
  const [first, second] = runsOf(golden);
  if (first === undefined || second === undefined) throw new Error('no runs');
  const again = { ...second, runMs: second.runMs + 3_600_000 };
  const { failedRuns } = runModel({ changes, rangeMs, runs: [first, second, again] }, everyFault);
  expect([...failedRuns]).toEqual([second, again]);
  expect(classesOf(golden, rowsOf(golden, everyFault))).not.toContain('UNEXPLAINED');
});
