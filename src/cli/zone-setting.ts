import { z } from 'zod';
import { isU64 } from '../contracts/ids.ts';
import type { ZonePlan } from '../tail/zone-slices.ts';
import { settingParts } from './setting-parts.ts';

const most = 1024;

/**
 * Which partitions zones have: `ID=FIRST-LAST` or `ID=N` for single ones, `+` between several, and
 * `auto=N` for zones that are not named; as texts (the flag, given as often as wanted), with commas
 * between (the environment), or as a map (YAML). Every fault is listed.
 */
export const zonePlan = z
  .union([
    z.string().transform(settingParts),
    z.array(z.string()).transform((texts) => texts.flatMap(settingParts)),
    z
      .record(z.string(), z.union([z.string(), z.number()]))
      .transform((map) =>
        Object.entries(map).map(([zone, where]) => [zone, String(where)] as const),
      ),
  ])
  .transform((entries, ctx): ZonePlan => {
    const fixed = new Map<string, readonly number[]>();
    let auto = 0;
    for (const [zone, where] of entries) {
      if (zone === 'auto') {
        auto = Number(where);
        if (!/^\d+$/.test(where) || auto < 1 || auto > most)
          ctx.addIssue(`auto=${where}: write how many partitions a new zone gets, like auto=2`);
        continue;
      }
      const partitions = ranges(where);
      if (!isU64(zone) || zone === '0')
        ctx.addIssue(`${zone || '?'} is no zone id: write the id of cloud.data_center, like 1=0-3`);
      else if (fixed.has(zone)) ctx.addIssue(`zone ${zone} is given twice`);
      else if (partitions === null)
        ctx.addIssue(`zone ${zone}: ${where || 'nothing'} is no range of partitions: write 0-3`);
      else fixed.set(zone, partitions);
    }
    return { fixed, auto };
  })
  .default({ fixed: new Map(), auto: 0 });

function ranges(text: string): readonly number[] | null {
  const found = new Set<number>();
  for (const part of text.split('+')) {
    const [, first, last] = /^\s*(\d{1,4})(?:-(\d{1,4}))?\s*$/.exec(part) ?? [];
    if (first === undefined) return null;
    const from = Number(first);
    const to = Number(last ?? first);
    if (to < from || to >= most) return null;
    for (let partition = from; partition <= to; partition++) found.add(partition);
  }
  return [...found].sort((a, b) => a - b);
}
