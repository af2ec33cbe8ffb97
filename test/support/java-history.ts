import { explain } from '../golden/explain.ts';
import { noFaults, runModel } from '../golden/java-model.ts';
import type { Faults } from '../golden/java-model.ts';
import { punctualRuns } from '../golden/java-schedule.ts';
import type { JavaRun } from '../golden/java-schedule.ts';
import type { Golden } from './golden.ts';
import { playSqlScript } from './sql-script.ts';

const day = 86_400_000;
/** When histories begin. */
const fromMs = Date.UTC(2026, 2, 1);

/** Runs on time. */
export const runsOf = ({ fromMs: startMs, toMs: endMs, rangeMs, runDelayMs: delayMs }: Golden) =>
  punctualRuns({ startMs, endMs }, { rangeMs, delayMs });

/** A cloud of two accounts and what happens in it, from 2026-03-01 on, for two days. */
export function history(script: string): Golden {
  const inputSql = `SET TIMESTAMP=${fromMs / 1000 - 60};
INSERT INTO cloud.account (id,uuid,account_name,type,role_id,domain_id) VALUES (3,'u','n',0,4,2);
INSERT INTO cloud.account (id,uuid,account_name,type,role_id,domain_id) VALUES (4,'v','m',0,4,2);
${script}`;
  const changes = playSqlScript(inputSql);
  const spans = { rangeMs: day, fromMs, toMs: fromMs + 2 * day, runDelayMs: 900_000 };
  return { name: 'own', ...spans, inputSql, changes, usage: [] };
}

/** Lines of a server with these faults; none when left out. */
export function rowsOf(golden: Golden, faults: Faults = noFaults): string[] {
  const { changes, rangeMs } = golden;
  const { rows } = runModel({ changes, rangeMs, runs: runsOf(golden) }, faults);
  return [...rows].flatMap(([line, count]) => Array.from({ length: count }, () => line));
}

/** Classes of the differences between a server's rows and those of one without faults. */
export function classesOf(
  golden: Golden,
  server: readonly string[],
  runs: readonly JavaRun[] = runsOf(golden),
): Set<string> {
  const differences = explain({ ...golden, usage: server }, rowsOf(golden), runs);
  return new Set(differences.map((difference) => difference.class));
}

let nextId = 0;

/**
 * The statement of an event.
 * @param values From resource_id on.
 * @param more   `late`: seconds from its creation to its commit.
 */
export function event(
  hour: number,
  type: string,
  values: string,
  { late = 0, id = ++nextId, account = 3 } = {},
): string {
  const at = fromMs + hour * 3_600_000;
  const created = new Date(at).toISOString().slice(0, 19).replace('T', ' ');
  return `SET TIMESTAMP=${at / 1000 + late};
INSERT INTO cloud.usage_event (id,type,account_id,created,zone_id,resource_id,resource_name,offering_id,template_id,size,resource_type,virtual_size,vm_id) VALUES (${id},'${type}',${account},'${created}',1,${values});`;
}

export const vm = (hour: number, type: string, id: number, more = {}): string =>
  event(hour, type, `${id},'vm-${id}',5,6,NULL,'KVM',NULL,NULL`, more);

export const lb = (hour: number, type: string, more = {}): string =>
  event(hour, type, `9,NULL,NULL,NULL,NULL,NULL,NULL,NULL`, more);
