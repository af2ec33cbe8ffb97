import type { EpochMs } from '../../contracts/time.ts';
import { plan } from '../../simulate/plan.ts';
import type { Statement } from '../../simulate/statement.ts';

/** The small cloud that the demo and the chaos test play: three days, and enough of the fourth to close the third. */
export const demoScenario = {
  startMs: Date.UTC(2026, 2, 1),
  untilMs: Date.UTC(2026, 2, 4),
  rangeMinutes: 1440,
  zones: 2,
  accounts: 5,
  vms: 300,
} as const;

const day = 86_400_000;
/** The close delay is 15 minutes; events may commit four minutes late. */
const afterwardsMs = 30 * 60_000;

export const demoStatements = (seed: number): Iterable<Statement> =>
  plan({
    seed,
    startMs: demoScenario.startMs,
    days: (demoScenario.untilMs - demoScenario.startMs + afterwardsMs) / day,
    zones: demoScenario.zones,
    accounts: demoScenario.accounts,
    vms: demoScenario.vms,
  });

export const demoEndMs: EpochMs = demoScenario.untilMs + afterwardsMs;
