import { fileURLToPath } from 'node:url';
import type { BenchOptions } from './bench-servers.ts';
import { measure } from './measure.ts';
import type { BenchResult } from './result-table.ts';

const script = fileURLToPath(new URL('work/fold.ts', import.meta.url));

/** The pure fold over a simulated history in memory; the baseline reads the same history and adds up a number. */
export async function benchFold({ events, say }: BenchOptions): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const what of ['plain sum', 'fold'] as const) {
    say(`${what} of ${events} events`);
    const m = await measure(script, [what, String(events)]);
    // Making the history is not what is measured: the script says how long its own part took.
    const own = JSON.parse(m.output) as { wallMs: number; cpuMs: number; rows: number };
    results.push({
      bench: 'fold',
      what: what === 'fold' ? `fold (${own.rows} rows)` : what,
      units: events,
      unit: 'events',
      wallMs: own.wallMs,
      cpuMs: own.cpuMs,
      peakMb: m.peakMb,
      baseline: what !== 'fold',
    });
  }
  return results;
}
