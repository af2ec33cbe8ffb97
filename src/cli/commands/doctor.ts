import { systemClock } from '../../platform/clock.ts';
import { preflightTarget } from '../../tail/preflight.ts';
import { readerId } from '../../tail/tail-options.ts';
import { defineCommand } from '../command.ts';
import { targetOf } from '../stages.ts';

export const doctorCommand = defineCommand({
  name: 'doctor',
  what: 'check everything that the tail needs of its source; prints the statement that fixes each fault',
  example: 'usagestream doctor --source mysql://reader@db:3306',
  takes: ['source', 'sourcePassword', 'cloudSchema', 'serverId', 'prefix', 'sourceMode'],
  run: async (values, _own, context) => {
    const findings = await preflightTarget(
      {
        target: targetOf(values.source, values.sourcePassword),
        cloudSchema: values.cloudSchema,
        sourceMode: values.sourceMode,
        serverId: values.serverId ?? readerId(values.prefix),
      },
      systemClock,
    );
    if (context.json) console.log(JSON.stringify(findings));
    else
      for (const f of findings) {
        console.log(`${f.level.padEnd(8)} ${f.check}: ${f.found}${f.why ? ` (${f.why})` : ''}`);
        if (f.fix && f.level !== 'ok') console.log(`         fix: ${f.fix}`);
      }
    return findings.some((f) => f.level === 'fatal') ? 1 : 0;
  },
});
