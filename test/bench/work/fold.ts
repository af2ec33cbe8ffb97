// Folds a simulated history day by day, as a worker does at window ends; prints what it took.
import type { FoldEvent } from '../../../src/contracts/fold.ts';
import type { AccountId } from '../../../src/contracts/ids.ts';
import { emptyState } from '../../../src/domain/account-state.ts';
import type { AccountState } from '../../../src/domain/account-state.ts';
import { fold } from '../../../src/domain/fold.ts';
import { quirkSet } from '../../../src/domain/quirks.ts';
import { nextWindow, windowOf } from '../../../src/domain/window.ts';
import { plan } from '../../../src/simulate/plan.ts';

const [what, count] = process.argv.slice(2);
const spec = { rangeMinutes: 1440, timeZone: 'GMT' };
const quirks = quirkSet('java-4.23');
const startMs = Date.UTC(2026, 0, 1);

let wallMs = 0;
let cpuUs = 0;
let rows = 0;
let sum = 0;
const states = new Map<AccountId, AccountState>();
let pending = new Map<AccountId, FoldEvent[]>();
let window = windowOf(startMs, spec);
const domains = new Map<AccountId, string>();

const timed = (work: () => void) => {
  const from = performance.now();
  const cpu = process.cpuUsage();
  work();
  const used = process.cpuUsage(cpu);
  wallMs += performance.now() - from;
  cpuUs += used.user + used.system;
};

const closeWindow = () => {
  const runMs = window.endMs + 900_000;
  if (what === 'fold')
    for (const accountId of domains.keys()) {
      const out = fold({
        state: states.get(accountId) ?? emptyState(accountId),
        window: { ...window, runMs },
        events: pending.get(accountId) ?? [],
        facts: factsOf(accountId),
        quirks,
        settings: { snapshotVirtualSize: false },
      });
      states.set(accountId, out.state);
      rows += out.rows.length;
    }
  else for (const events of pending.values()) for (const e of events) sum += e.createdMs % 1000;
};

function factsOf(id: AccountId) {
  const domainId = domains.get(id) as AccountId;
  const account = {
    id,
    name: id,
    uuid: null,
    type: 0,
    roleId: null,
    domainId,
    removedMs: null,
    cleanupNeeded: false,
  };
  return { account, counters: [], templates: [], buckets: [] };
}

let feedOffset = 0;
for (const s of plan({
  seed: 1,
  startMs,
  days: 30,
  zones: 2,
  accounts: 200,
  vms: 3000,
  eventsTarget: Number(count),
})) {
  if (s.kind === 'account') domains.set(s.account.id as AccountId, s.account.domainId);
  if (s.kind !== 'event') continue;
  while (s.commitMs >= window.endMs + 900_000) {
    timed(closeWindow);
    pending = new Map();
    window = nextWindow(window, spec);
  }
  if (s.event.createdMs >= window.endMs) continue; // a few at the edge: the next window is not open here
  const list = pending.get(s.event.accountId);
  const event = { ...s.event, feedOffset: feedOffset++, details: s.details };
  if (list) list.push(event);
  else pending.set(s.event.accountId, [event]);
}
timed(closeWindow);
console.log(JSON.stringify({ wallMs, cpuMs: cpuUs / 1000, rows, sum }));
