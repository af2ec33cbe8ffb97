import type { AccountFacts } from '../../src/contracts/fold.ts';
import type { EpochMs } from '../../src/contracts/time.ts';
import type { UsageRow } from '../../src/contracts/usage-row.ts';
import { emptyState } from '../../src/domain/account-state.ts';
import { fold } from '../../src/domain/fold.ts';
import type { QuirkSet } from '../../src/domain/quirks.ts';
import type { Fact, History } from './history.ts';
import { toLine } from './recount-histories.ts';
import type { Line } from './recount-histories.ts';

/** The rows of a history as the fold makes them, as lines, and the codes of what it remarked. */
export function foldHistory(history: History, quirks: QuirkSet) {
  const lines: Line[] = [];
  const remarks: string[] = [];
  const { windows } = history;
  for (const accountId of history.accounts) {
    const events = history.events.filter((event) => event.accountId === accountId);
    const facts = history.facts.filter((fact) => fact.accountId === accountId);
    const byWindow = Map.groupBy(events, ({ createdMs }) =>
      windows.findIndex(({ endMs }) => createdMs < endMs),
    );
    let state = emptyState(accountId);
    for (const [nth, { startMs, endMs, cutMs, runMs }] of windows.entries()) {
      const window = { startMs, endMs, runMs };
      const isSplit = quirks.splitLongDay && cutMs !== null;
      const billedAs = isSplit
        ? [
            { startMs, endMs: cutMs },
            { startMs: cutMs, endMs },
          ]
        : [window];
      const output = fold({
        state,
        window: { ...window, billedAs },
        events: byWindow.get(nth) ?? [],
        facts: factsAt(facts, runMs),
        quirks,
        settings: { snapshotVirtualSize: false },
      });
      ({ state } = output);
      // Windows are numbered as the recount does: the first of two is even.
      const isFirst = ({ key }: UsageRow) => isSplit && key.endsWith(`@${startMs}`);
      lines.push(...output.rows.map((row) => rowLine(row, 2 * nth + (isFirst(row) ? 0 : 1))));
      remarks.push(...output.anomalies.map(({ code }) => code));
      remarks.push(...output.refused.map(({ reason }) => reason));
    }
  }
  return { lines, remarks };
}

/** The last content of everything that was committed by then. */
export function factsAt(facts: readonly Fact[], runMs: EpochMs): AccountFacts {
  const newest = new Map<string, Fact>();
  for (const fact of facts) if (fact.atMs <= runMs) newest.set(`${fact.kind} ${fact.id}`, fact);
  const known = [...newest.values()];
  return {
    account: known.find((fact) => fact.kind === 'account')?.value ?? null,
    templates: known.flatMap((fact) => (fact.kind === 'template' ? [fact.value] : [])),
    buckets: known.flatMap((fact) => (fact.kind === 'bucket' ? [fact.value] : [])),
    counters: known.flatMap((fact) =>
      fact.kind !== 'account' && fact.kind !== 'template' && fact.kind !== 'bucket' && fact.value
        ? [fact.value]
        : [],
    ),
  };
}

const seconds = (ms: EpochMs): number => Math.floor(ms / 1000);

function rowLine(row: UsageRow, w: number): Line {
  const display = row.usageDisplay.endsWith(' Hrs') ? null : row.usageDisplay;
  return toLine([
    ...[row.accountId, w, row.usageType, row.zoneId, row.domainId, row.description, display],
    ...[row.quantity, row.rawUsage, row.vmInstanceId, row.vmName, row.offeringId, row.templateId],
    ...[row.usageId, row.type, row.size, row.networkId, row.virtualSize, row.cpuSpeed],
    ...[row.cpuCores, row.memory, Number(row.isHidden), row.state],
    ...[seconds(row.startMs), seconds(row.endMs)],
  ]);
}
