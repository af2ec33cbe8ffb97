import { SingleBar } from 'cli-progress';
import { Option } from 'commander';
import { z } from 'zod';
import { sqlDateTime } from '../../contracts/time.ts';
import { AppError } from '../../platform/errors.ts';
import { defaultPlan, plan } from '../../simulate/plan.ts';
import { play } from '../../simulate/play.ts';
import type { Pace } from '../../simulate/play.ts';
import { freeIdBase } from '../../simulate/schema.ts';
import { defineCommand } from '../command.ts';
import { targetOf } from '../stages.ts';

const whole = (max: number) => z.coerce.number().int().min(1).max(max);
const Own = z.object({
  seed: z.coerce.number().int().min(0).default(defaultPlan.seed),
  start: z.iso.date().default('2026-01-01'),
  days: z.coerce.number().positive().max(3660).default(defaultPlan.days),
  zones: whole(1000).default(defaultPlan.zones),
  accounts: whole(100_000).default(defaultPlan.accounts),
  vms: whole(1_000_000).default(defaultPlan.vms),
  events: whole(1_000_000_000).optional(),
  everything: z.boolean().default(false),
  pace: z.string().default('history'),
  createSchema: z.boolean().default(false),
  dryRun: z.boolean().default(false),
});

export const simulateCommand = defineCommand({
  name: 'simulate',
  what: 'play a management server: a seeded, realistic workload as real SQL into the cloud schema',
  example:
    'usagestream simulate --source mysql://root@db:3306 --create-schema --days 3 --seed 7\n' +
    'usagestream simulate --source mysql://root@db:3306 --pace 50   # 50 events a second, now',
  takes: ['source', 'sourcePassword', 'cloudSchema'],
  options: [
    new Option('--seed <n>', 'equal seeds give equal histories (default: 1)'),
    new Option('--start <date>', 'first simulated day (default: 2026-01-01)'),
    new Option('--days <n>', 'simulated days (default: 3)'),
    new Option('--zones <n>', 'zones (default: 2)'),
    new Option('--accounts <n>', 'accounts (default: 5)'),
    new Option('--vms <n>', 'virtual machines alive at a time (default: 300)'),
    new Option('--events <n>', 'exactly so many events'),
    new Option('--everything', 'every event type, counters too'),
    new Option(
      '--pace <pace>',
      'history: simulated commit times, as fast as it goes (default); flood: several connections; N: events a second, now',
    ),
    new Option('--create-schema', 'create the tables of cloud that are missing'),
    new Option('--dry-run', 'count what would be written, write nothing'),
  ],
  run: async (values, own, context) => {
    const parsed = Own.safeParse(own);
    if (!parsed.success)
      throw new AppError('CONFIG_INVALID', {
        problems: parsed.error.issues.map((i) => `--${i.path.join('.')}: ${i.message}`),
      });
    const o = parsed.data;
    const target = targetOf(values.source, values.sourcePassword);
    const statements = (idBase: number) =>
      plan({
        seed: o.seed,
        startMs: Date.parse(`${o.start}T00:00:00Z`),
        days: o.days,
        zones: o.zones,
        accounts: o.accounts,
        vms: o.vms,
        idBase,
        everything: o.everything,
        ...(o.events === undefined ? {} : { eventsTarget: o.events }),
      });
    if (o.dryRun) {
      const counts = new Map<string, number>();
      for (const s of statements(0)) counts.set(s.kind, (counts.get(s.kind) ?? 0) + 1);
      console.log(JSON.stringify(Object.fromEntries(counts)));
      return 0;
    }
    const bar = createBar(o.events, context.json);
    // A run after another must not meet its ids.
    const idBase = await freeIdBase(target, values.cloudSchema);
    const counts = await play(statements(idBase), {
      target,
      cloudSchema: values.cloudSchema,
      pace: paceOf(o.pace),
      createSchema: o.createSchema,
      signal: context.signal,
      onProgress: (c) => bar?.update(c.events, { at: sqlDateTime(c.lastCommitMs) }),
    });
    bar?.stop();
    console.log(
      context.json
        ? JSON.stringify(counts)
        : `${counts.events} events and ${counts.details} details, until ${sqlDateTime(counts.lastCommitMs)} GMT`,
    );
    return 0;
  },
});

function createBar(total: number | undefined, json: boolean): SingleBar | undefined {
  if (json || !process.stderr.isTTY) return undefined;
  const format =
    total === undefined ? '{value} events, {at}' : '{bar} {value}/{total} events, {at}';
  const bar = new SingleBar({ format, stream: process.stderr });
  bar.start(total ?? 0, 0, { at: '' });
  return bar;
}

function paceOf(text: string): Pace {
  if (text === 'history' || text === 'flood') return text;
  const eventsPerSecond = Number(text);
  if (!(eventsPerSecond > 0))
    throw new AppError('CONFIG_INVALID', {
      problems: ['--pace: history, flood, or events a second'],
    });
  return { eventsPerSecond, created: 'now' };
}
