import { defineCommand } from '../command.ts';
import { serveHealth } from '../health-server.ts';
import { createReport } from '../report.ts';
import { createIo, sinkKeys, sinkStage } from '../stages.ts';

export const sinkCommand = defineCommand({
  name: 'sink',
  what: 'publish closed windows into cloud_usage (one leads, others stand by)',
  example: 'usagestream sink --sink mysql://writer@db:3306 --log kafka://k1:9092 --prefix acs',
  takes: sinkKeys,
  run: async (values, _own, context) => {
    const io = createIo(context);
    await using _health = await serveHealth(values.http, io.metrics, context.signal);
    await sinkStage(values, io, context.signal, createReport(context));
    return 0;
  },
});
