import { quirkSet, quirks } from '../../domain/quirks.ts';
import type { Quirk, QuirkName } from '../../domain/quirks.ts';
import { unswitchedQuirks } from '../../domain/unswitched-quirks.ts';
import { defineCommand } from '../command.ts';

export const quirksCommand = defineCommand({
  name: 'quirks',
  what: "where CloudStack's usage server does what looks wrong, and what a preset does there",
  example: 'usagestream quirks\nusagestream quirks --preset correct --quirk domainFrozen=on --json',
  takes: ['preset', 'quirks'],
  run: async ({ preset, quirks: switches }, _own, context) => {
    const set = preset === 'auto' ? undefined : quirkSet(preset, switches);
    for (const name of Object.keys(quirks) as QuirkName[]) {
      const { java, correct, presets } = quirks[name];
      if (context.json) {
        console.log(
          JSON.stringify({ name, java, correct, presets, ...(set && { on: set[name] }) }),
        );
        continue;
      }
      const state = set === undefined ? `on in ${presets.join(', ')}` : set[name] ? 'on' : 'off';
      tell(name, state, quirks[name]);
    }
    for (const [name, quirk] of Object.entries(unswitchedQuirks)) {
      const { reason, test } = quirk;
      const isKept = quirk.presets.length > 0;
      if (context.json) {
        console.log(JSON.stringify({ name, ...quirk, ...(set && { on: isKept }) }));
        continue;
      }
      tell(name, isKept ? 'always' : 'never reproduced', quirk);
      console.log(`  why:        ${reason}\n  test:       ${test}`);
    }
    return 0;
  },
});

function tell(name: string, state: string, { java, correct }: Quirk): void {
  console.log(`${name} (${state})\n  CloudStack: ${java}\n  right:      ${correct}`);
}
