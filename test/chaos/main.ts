import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { mysqlPrograms } from '../support/mysql.ts';
import { canStartServers } from '../support/servers.ts';
import { openArena } from './arena.ts';
import { measureRecoveries, recoveryTable } from './recovery.ts';
import { runChaos } from './run.ts';
import { grown, measureSlowSink, slowSinkTable } from './slow-sink.ts';
import { soak, soakTable } from './soak.ts';
import { measureTakeOvers, takeOverTable } from './takeover.ts';
import { leaks, median, slowTakeOvers, summaryLine } from './verdicts.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string' },
    brokers: { type: 'string', default: '1' },
    mysql: { type: 'boolean', default: false },
    runs: { type: 'string' },
    seconds: { type: 'string', default: '45' },
    quiet: { type: 'boolean', default: false },
    takeover: { type: 'string' },
    recovery: { type: 'string' },
    away: { type: 'string', default: '5' },
    'slow-sink': { type: 'string' },
    soak: { type: 'string' },
    help: { type: 'boolean' },
  },
});
if (values.help === true) {
  console.log(`npm run test:chaos -- [--minutes N] [--seed S] [--runs N] [--seconds N] [--quiet]

Hurts a whole pipeline of real processes at random, on a MariaDB and a broker of its own, behind TCP proxies;
after each run every row of cloud_usage is compared with an independent recount of the events.
  --minutes N  begin runs for so long (default 5)
  --runs N     so many runs instead
  --seconds N  how long a run is hurt (default 45)
  --seed S     schedule of the first run; the next ones take S+1, S+2, …: a run is had again by its own seed
  --brokers N  so many brokers, with a replica of each topic on each of them (default 1)
  --mysql      on a MySQL 9 instead of a MariaDB
  --quiet      no line for each fault
  --takeover N instead: kill and freeze the owner of each stage N times, and print how long it took
  --recovery N instead: kill the broker, the source and the store N times each, and print how long it took from
               their being back until all that was committed by then was published; memory, and every row
  --away N     how long each is away then, seconds (default 5)
  --slow-sink N instead: brokers and databases so slow for N minutes that all falls behind; memory, and the way back
  --soak N     instead: a steady load for N minutes; memory and descriptors of each process, once a minute
Example: npm run test:chaos -- --minutes 30 --seed 7
Exit code 0 only when nothing was lost, doubled or wrong, and no process gave up; with --takeover when each
median is 10 s or less; with --soak when also no process had more descriptors in the end than in the beginning.`);
  process.exit(0);
}

if (!canStartServers()) process.exit(1);
const mysql = values.mysql ? await mysqlPrograms() : undefined;
if (values.mysql && mysql === undefined) process.exit(1);
const open = (log?: (text: string) => void) => openArena(log, Number(values.brokers), mysql);

if (values.takeover !== undefined) {
  await using arena = await open();
  const results = await measureTakeOvers(arena, Number(values.takeover), (text) =>
    console.log(text),
  );
  console.log(takeOverTable(results));
  const slow = slowTakeOvers(results);
  for (const line of slow) console.error(`too slow: ${line}`);
  process.exit(results.length > 0 && slow.length === 0 ? 0 : 1);
}

if (values.recovery !== undefined) {
  await using arena = await open();
  const [tries, awayMs] = [Number(values.recovery), 1000 * Number(values.away)];
  const say = (text: string) => console.log(text);
  const result = await measureRecoveries(arena, { tries, awayMs, say });
  console.log(recoveryTable(result));
  const more = grown(result);
  for (const line of more) console.error(`not flat: ${line}`);
  const isWhole = result.lost + result.doubled + result.wrong === 0;
  process.exit(result.compared > 0 && isWhole && more.length === 0 ? 0 : 1);
}

if (values['slow-sink'] !== undefined) {
  await using arena = await open();
  const result = await measureSlowSink(arena, Number(values['slow-sink']), (text) =>
    console.log(text),
  );
  console.log(slowSinkTable(result));
  const more = grown(result);
  for (const line of more) console.error(`not flat: ${line}`);
  const isGood = result.compared > 0 && result.lost + result.doubled + result.wrong === 0;
  process.exit(isGood && more.length === 0 ? 0 : 1);
}

if (values.soak !== undefined) {
  await using arena = await open();
  const result = await soak(arena, Number(values.soak), (text) => console.log(text));
  console.log(soakTable(result));
  const leaking = leaks(result);
  for (const line of leaking) console.error(`leak: ${line}`);
  process.exit(result.compared > 0 && result.wrong === 0 && leaking.length === 0 ? 0 : 1);
}

const firstSeed = Number(values.seed ?? randomInt(2 ** 31));
const runs = values.runs === undefined ? Infinity : Number(values.runs);
const [seconds, minutes] = [Number(values.seconds), Number(values.minutes)];
const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());

const total = { runs: 0, faults: 0, compared: 0, lost: 0, doubled: 0, wrong: 0, failed: 0 };
const [crashed, stoppedMs]: [string[], number[]] = [[], []];
const startMs = performance.now();
const clock = () => `${((performance.now() - startMs) / 1000).toFixed(0).padStart(5)} s`;
{
  await using arena = await open((text) => console.log(text));
  while (!stop.signal.aborted && total.runs < runs) {
    if (runs === Infinity && performance.now() - startMs >= minutes * 60_000) break;
    const seed = firstSeed + total.runs;
    console.log(`${clock()}  run ${total.runs + 1}, seed ${seed}`);
    const say = (text: string) => values.quiet || console.log(`${clock()}    ${text}`);
    total.runs += 1;
    try {
      const onFault = (what: string) => {
        total.faults += 1;
        say(what);
      };
      const { signal } = stop;
      const result = await runChaos(arena, { seed, seconds, say, onFault, signal });
      const { faults, windows, compared, lost, doubled, wrong, examples } = result;
      console.log(
        `${clock()}  run ${total.runs}: ${faults} faults, ${windows} windows, ${compared} rows compared, lost ${lost}, doubled ${doubled}, wrong ${wrong}`,
      );
      for (const example of examples) console.log(`    ${JSON.stringify(example)}`);
      total.compared += compared;
      total.lost += lost;
      total.doubled += doubled;
      total.wrong += wrong;
      crashed.push(...result.crashed);
      stoppedMs.push(...result.stoppedMs);
    } catch (error) {
      total.failed += 1;
      console.error(`${clock()}  run ${total.runs}, seed ${seed}, failed:`, error);
    }
  }
}
const isGood = total.compared > 0 && total.lost + total.doubled + total.wrong + total.failed === 0;
const secondsOf = (ms: number) => (ms / 1000).toFixed(1);
console.log(
  `first seed ${firstSeed}; failed runs ${total.failed}; wrong rows ${total.wrong}; ${crashed.length} died at ${new Set(crashed).size} crash points; ${stoppedMs.length} stopped by SIGTERM with code 0, median ${secondsOf(median(stoppedMs))} s, longest ${secondsOf(Math.max(0, ...stoppedMs))} s`,
);
console.log(summaryLine(total));
process.exitCode = isGood ? 0 : 1;
