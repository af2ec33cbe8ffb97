import { defineCommand } from '../command.ts';
import { serveHealth } from '../health-server.ts';
import { createReport } from '../report.ts';
import { createIo, tailKeys, tailStage } from '../stages.ts';

export const tailCommand = defineCommand({
  name: 'tail',
  what: 'follow the binlog into the raw topics and the feed (one leads, others stand by)',
  example: 'usagestream tail --source mysql://reader@db:3306 --log kafka://k1:9092 --prefix acs',
  takes: tailKeys,
  run: async (values, _own, context) => {
    const io = createIo(context);
    await using _health = await serveHealth(values.http, io.metrics, context.signal);
    await tailStage(values, io, context.signal, createReport(context));
    return 0;
  },
});
