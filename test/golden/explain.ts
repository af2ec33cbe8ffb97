import type { AccountId } from '../../src/contracts/ids.ts';
import { CloudContent } from '../support/cloud-content.ts';
import type { Golden } from '../support/golden.ts';
import { goldenLines } from '../support/published-lines.ts';
import { classify } from './classify.ts';
import type { Difference, Model } from './classify.ts';
import { countLines, differing, times } from './counts.ts';
import type { Counts } from './counts.ts';
import type { FaultClass } from './fault-classes.ts';
import { noFaults, runModel } from './java-model.ts';
import type { Faults, ModelInput, ModelOutcome } from './java-model.ts';
import { punctualRuns } from './java-schedule.ts';
import type { JavaRun } from './java-schedule.ts';
import { refoldedRows } from './refolded.ts';
import { factsOfLine } from './resources.ts';
import { Suspects } from './suspects.ts';
import type { CommittedEvent } from './suspects.ts';
import { Ties } from './ties.ts';

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
  const events = committedEvents(golden);
  const span = { startMs: golden.fromMs, endMs: golden.toMs };
  const onTime = punctualRuns(span, { rangeMs, delayMs });
  const punctual = { changes, rangeMs, runs: onTime };
  const real = runs === undefined ? punctual : { changes, rangeMs, runs };
  const literal = runModel(punctual, noFaults).rows;
  const clean = refoldedRows(golden, literal);
  const { models, faults, last } = modelsOf(real, server);
  const suspects = new Suspects(events, { fromMs: golden.fromMs, rangeMs, delayMs });
  const differences = classify({
    server,
    ours: mine,
    clean,
    models: [{ fault: 'late-event', rows: literal }, ...models],
    rangeMs,
    fromMs: golden.fromMs,
    jobs: last.jobs,
    suspect: (line) => suspects.classOf(line),
    isTie: tieCheck({ input: real, faults, last, server, events }),
  });
  // Whatever made it, the server has no such row.
  return differences.map((each) =>
    each.side === 'ours' && isAdjustment(each.line) ? { ...each, class: 'late-event' } : each,
  );
}

/** A row of ours for time that was missed in an earlier window. */
export const isAdjustment = (line: string): boolean =>
  line.split('\t')[3]?.startsWith('Adjustment for ') === true;

function committedEvents({ changes }: Golden): CommittedEvent[] {
  const content = new CloudContent(changes);
  const commits = new Set(changes.map(({ atMs }) => atMs));
  const found: CommittedEvent[] = [];
  for (const commitMs of [...commits].toSorted((a, b) => a - b)) {
    content.advance(commitMs + 1);
    for (const event of content.arrivals()) found.push({ event, commitMs });
  }
  // Details come later than their events.
  return found.map(({ event, commitMs }) => ({ event: content.withDetails(event), commitMs }));
}

/** One fault after the other, up to a server that has them all. */
function modelsOf(input: ModelInput, server: Counts) {
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
  const undo = volumeKeyOf(input, faults, server);
  if (undo !== null) add('undo', { undo });
  add('pull-back', { pullBack: true });
  return { models, faults, last };
}

/** Which unique keys the server's tables had: those that leave the fewest rows open. */
function volumeKeyOf(input: ModelInput, faults: Faults, server: Counts): Faults['undo'] {
  let best: Faults['undo'] = null;
  let fewest = Infinity;
  for (const undo of [null, 'none', 'volume and vm', 'volume'] as const) {
    const { rows, stuck } = runModel(input, { ...faults, undo, pullBack: true });
    const open = differing(server, rows).length;
    if (open >= fewest || (undo !== null && stuck.length === 0)) continue;
    [best, fewest] = [undo, open];
  }
  return best;
}

interface TieInput {
  readonly input: ModelInput;
  readonly faults: Faults;
  readonly last: ModelOutcome;
  readonly server: Counts;
  readonly events: readonly CommittedEvent[];
}

/** Tries other orders of equal times on the accounts whose rows are open. */
function tieCheck({ input, faults, last, server, events }: TieInput) {
  const open = differing(server, last.rows);
  const only = new Set(open.map((line) => factsOfLine(line).accountId as AccountId));
  const ties = new Ties(
    events.map(({ event }) => event).filter((event) => only.has(event.accountId)),
  );
  const resources = new Set(open.map(resourceKey));
  // Each takes a while: no more are made than it takes to find the one that fits.
  const variants: { rows: Counts; changed: Map<string, string[]> }[] = [];
  const orders = ties.variants(resources);
  const variant = (n: number) => {
    const { failedRuns } = last;
    const reorder = orders[n];
    if (variants[n] === undefined && reorder !== undefined) {
      const { rows } = runModel(input, faults, { only, failedRuns, reorder });
      const changed = differing(last.rows, rows).filter((line) => resources.has(resourceKey(line)));
      variants[n] = { rows, changed: Map.groupBy(changed, resourceKey) };
    }
    return variants[n];
  };
  return (lines: readonly string[]): boolean => {
    const [line = ''] = lines;
    const key = resourceKey(line);
    if (!ties.has(key)) return false;
    // It must give what is open, and nothing that was right before may become wrong.
    return orders.some((_, n) => {
      const made = variant(n);
      const touched = [...lines, ...(made?.changed.get(key) ?? [])];
      return made && touched.every((each) => times(made.rows, each) === times(server, each));
    });
  };
}

function resourceKey(line: string): string {
  const { accountId, resource } = factsOfLine(line);
  return `${accountId} ${resource}`;
}
