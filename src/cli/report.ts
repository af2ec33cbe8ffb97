import type { CommandContext } from './command.ts';
import type { Report } from './stages.ts';

/**
 * Progress of the stages: JSON lines on stdout with `--json`; one rewritten line on a terminal;
 * else nothing, for the log has it. At most four reports a second and stage.
 */
export function createReport(context: CommandContext): Report {
  const lastMs = new Map<string, number>();
  const latest = new Map<string, string>();
  return (stage, facts) => {
    const now = Date.now();
    if (now - (lastMs.get(stage) ?? 0) < 250) return;
    lastMs.set(stage, now);
    if (context.json) {
      console.log(JSON.stringify({ stage, ...facts }));
      return;
    }
    if (!process.stderr.isTTY) return;
    latest.set(stage, `${stage} ${summary(facts)}`);
    const width = process.stderr.columns || 120;
    process.stderr.write(`\r\u001b[K${[...latest.values()].join(' | ').slice(0, width - 1)}`);
  };
}

const summary = (facts: object): string =>
  Object.entries(facts)
    .filter(([, value]) => typeof value === 'number' || typeof value === 'string')
    .map(([name, value]) => `${name} ${String(value)}`)
    .slice(0, 4)
    .join(' ');
