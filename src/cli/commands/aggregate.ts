import { defineCommand } from '../command.ts';
import { serveHealth } from '../health-server.ts';
import { patiently } from '../patiently.ts';
import { resolvePreset } from '../preset.ts';
import { createReport } from '../report.ts';
import { aggregateKeys, aggregateStage, createIo, targetOf } from '../stages.ts';

export const aggregateCommand = defineCommand({
  name: 'aggregate',
  what: 'a worker: store events of the feed and fold closed windows (start as many as wanted)',
  example: 'usagestream aggregate --sink mysql://worker@db:3306 --log kafka://k1:9092 --prefix acs',
  takes: [...aggregateKeys, 'cloudUsageSchema'],
  run: async (values, _own, context) => {
    const store = targetOf(values.sink, values.sinkPassword, values.answerTimeout);
    const io = createIo(context);
    await using _health = await serveHealth(values.http, io.metrics, context.signal);
    const preset = await patiently('aggregate', io, context.signal, () =>
      resolvePreset(values.preset, store, values),
    );
    if (preset === null) return 0;
    await aggregateStage(values, preset, io, context.signal, createReport(context));
    return 0;
  },
});
