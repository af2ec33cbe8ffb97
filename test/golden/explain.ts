import type { FoldEvent } from '../../src/contracts/fold.ts';
import type { Golden } from '../support/golden.ts';
import { goldenLines } from '../support/published-lines.ts';
import { choicesOf } from './chances.ts';
import { classify } from './classify.ts';
import type { Difference, Model } from './classify.ts';
import { committedEvents } from './committed-events.ts';
import { countLines, differing } from './counts.ts';
import type { Counts } from './counts.ts';
import type { FaultClass } from './fault-classes.ts';
import { everyFault, noFaults, runModel } from './java-model.ts';
import type { Faults, ModelInput, ModelOutcome } from './java-model.ts';
import { rolledRuns } from './java-schedule.ts';
import type { JavaRun } from './java-schedule.ts';
import { refoldedRows } from './refolded.ts';
import { LateResources } from './late-resources.ts';
import { RandomMetrics } from './random-metric.ts';
import { factsOfLine, resourceOfEvent } from './resources.ts';
import { searchChance } from './search-chance.ts';
import { ServerWindows } from './server-windows.ts';

/**
 * Every difference between the rows of a golden folder and ours, each with its class.
 *
 * @param ours Lines in the form of {@link goldenLines}.
 * @param runs The runs of the server, from windows.tsv; on time when there is none.
 */
export function explain(
  golden: Golden,
  ours: readonly string[],
  runs?: readonly JavaRun[],
): Difference[] {
  const server = countLines(goldenLines(golden.usage));
  const mine = countLines(ours);
  if (differing(server, mine).length === 0) return [];

  const { changes, rangeMs, runDelayMs: delayMs } = golden;
  const events = committedEvents(changes);
  const windows = new ServerWindows(golden);
  const onTime = windows.runs(delayMs);
  const punctual = { changes, rangeMs, runs: onTime };
  const told = runs ?? onTime;
  const rolled = rolledRuns(told, { rangeMs, zone: golden.timeZone ?? 'GMT' });
  const inputs = [told, ...(rolled === null ? [] : [rolled])].map((one) => ({
    changes,
    rangeMs,
    runs: one,
  }));
  const literal = runModel(punctual, noFaults).rows;
  const clean = refoldedRows(golden, literal);
  const { input, undo } = likeliest(inputs, server);
  const { models, faults, last } = modelsOf(input, undo);
  const late = new LateResources(events, { windows, delayMs });
  return classify({
    server,
    ours: mine,
    clean,
    models: [{ fault: 'late-event', rows: literal }, ...models],
    windowOf: (ms) => windows.around(ms),
    jobs: last.jobs,
    isLate: (line) => late.has(line),
    chanceOf: chanceOf({ input, faults, last, server, events: events.map((e) => e.event) }),
  });
}

/** One fault after the other, up to a server that has them all. */
function modelsOf(input: ModelInput, undo: Faults['undo']) {
  const models: Model[] = [];
  let faults: Faults = noFaults;
  let last: ModelOutcome = runModel(input, faults);
  models.push({ fault: 'catch-up', rows: last.rows });
  const add = (fault: FaultClass, more: Partial<Faults>): void => {
    faults = { ...faults, ...more };
    last = runModel(input, faults);
    models.push({ fault, rows: last.rows });
  };
  add('late-id', { lateId: true });
  add('disk-500', { disk500: true });
  add('failed-job', { failedJob: true });
  add('silent-failure', { silent: true });
  if (undo !== null) add('undo', { undo });
  add('cross-account', { crossAccount: true });
  add('pull-back', { pullBack: true });
  return { models, faults, last };
}

/** Whether the server was new, and which unique keys its tables had: what leaves the fewest rows open. */
function likeliest(inputs: readonly ModelInput[], server: Counts) {
  const [told] = inputs;
  if (told === undefined) throw new Error('no runs');
  let best: { input: ModelInput; undo: Faults['undo'] } = { input: told, undo: null };
  let fewest = Infinity;
  for (const input of inputs)
    for (const undo of [null, 'none', 'volume and vm', 'volume'] as const) {
      const { rows, stuck, failedRuns } = runModel(input, { ...everyFault, undo });
      const open = differing(server, rows).length;
      const isStuck = stuck.length > 0 || failedRuns.size > 0;
      if (open >= fewest || (undo !== null && !isStuck)) continue;
      [best, fewest] = [{ input, undo }, open];
    }
  return best;
}

interface ChanceInput {
  readonly input: ModelInput;
  readonly faults: Faults;
  readonly last: ModelOutcome;
  readonly server: Counts;
  readonly events: readonly FoldEvent[];
}

/** Searches end in a minute at 30,000 rows: those of the open resources alone, and those of all. */
const [maxPartRuns, maxWholeRuns] = [300, 60] as const;

/** What chance explains the rows of a resource that the last model leaves open. */
function chanceOf({ input, faults, last, server, events }: ChanceInput) {
  const open = new Set(differing(server, last.rows).map((line) => factsOfLine(line).resource));
  const isOpen = (event: FoldEvent): boolean => open.has(resourceOfEvent(event));
  const own = events.filter(isOpen);
  const choices = choicesOf(own);
  // Where an event undoes others, or fails a run, all of them count.
  const isWhole = last.stuck.length > 0 || last.failedRuns.size > 0;
  const options = isWhole ? {} : { only: isOpen };
  const explained = searchChance({
    server,
    rows: last.rows,
    choices,
    maxRuns: isWhole ? maxWholeRuns : maxPartRuns,
    run: (chance) => runModel(input, faults, { ...options, chance }).rows,
  });
  const metrics = new RandomMetrics({ server, rows: last.rows, events: own, jobs: last.jobs });
  return (resource: string, lines: readonly string[]): FaultClass | null =>
    explained.get(resource) ?? (metrics.explains(resource, lines) ? 'random-row' : null);
}
