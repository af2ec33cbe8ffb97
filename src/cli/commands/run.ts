import { runTogether } from '../../platform/lifecycle.ts';
import { defineCommand } from '../command.ts';
import { serveHealth } from '../health-server.ts';
import { patiently } from '../patiently.ts';
import { resolvePreset } from '../preset.ts';
import { createReport } from '../report.ts';
import {
  aggregateKeys,
  aggregateStage,
  createIo,
  sinkKeys,
  sinkStage,
  tailKeys,
  tailStage,
  targetOf,
} from '../stages.ts';

export const runCommand = defineCommand({
  name: 'run',
  what: 'tail, aggregate and sink in one process: the whole pipeline on one machine',
  example:
    'usagestream migrate --sink mysql://root@db:3306\n' +
    'usagestream run --source mysql://reader@db:3306 --sink mysql://writer@db:3306 \\\n' +
    '  --log kafka://k1:9092 --prefix acs',
  takes: [...new Set([...tailKeys, ...aggregateKeys, ...sinkKeys])],
  run: async (values, _own, context) => {
    const store = targetOf(values.sink, values.sinkPassword, values.answerTimeout);
    const io = createIo(context);
    await using _health = await serveHealth(values.http, io.metrics, context.signal);
    const preset = await patiently('aggregate', io, context.signal, () =>
      resolvePreset(values.preset, store, values),
    );
    if (preset === null) return 0;
    const report = createReport(context);
    await runTogether(context.signal, [
      (signal) => tailStage(values, io, signal, report),
      (signal) => aggregateStage(values, preset, io, signal, report),
      (signal) => sinkStage(values, io, signal, report),
    ]);
    return 0;
  },
});
