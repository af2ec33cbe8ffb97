import { z } from 'zod';
import { quirks } from '../domain/quirks.ts';
import type { QuirkName, QuirkSet } from '../domain/quirks.ts';
import { settingParts } from './setting-parts.ts';

/**
 * Single switches of quirks: `name=on` texts (the flag, given as often as wanted), the same with commas
 * between (the environment), or a map of name to on or off (YAML). Every fault of every switch is listed.
 */
export const quirkSwitches = z
  .union([
    z.string().transform(settingParts),
    z.array(z.string()).transform((texts) => texts.flatMap(settingParts)),
    z
      .record(z.string(), z.union([z.string(), z.boolean()]))
      .transform((map) => Object.entries(map).map(([name, state]) => [name, state] as const)),
  ])
  .transform((switches, ctx) => {
    const set: Partial<Record<QuirkName, boolean>> = {};
    for (const [name, state] of switches) {
      const on = states.get(state);
      if (!isQuirk(name))
        ctx.addIssue(`no quirk is called ${name}; \`usagestream quirks\` has all`);
      else if (on === undefined) ctx.addIssue(`${name} must be on or off`);
      else if (set[name] === !on) ctx.addIssue(`${name} is given both on and off`);
      else set[name] = on;
    }
    return set as Partial<QuirkSet>;
  })
  .default({});

const states = new Map<unknown, boolean>([
  ['on', true],
  [true, true],
  ['off', false],
  [false, false],
]);

const isQuirk = (name: string): name is QuirkName => Object.hasOwn(quirks, name);
