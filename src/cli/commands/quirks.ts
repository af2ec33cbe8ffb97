import { quirkSet, quirks } from '../../domain/quirks.ts';
import type { QuirkName } from '../../domain/quirks.ts';
import { defineCommand } from '../command.ts';

export const quirksCommand = defineCommand({
  name: 'quirks',
  what: "where CloudStack's usage server bills in a way that looks wrong, and what a preset does there",
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
      console.log(`${name} (${state})\n  CloudStack: ${java}\n  right:      ${correct}`);
    }
    return 0;
  },
});
