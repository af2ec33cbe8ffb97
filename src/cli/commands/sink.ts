import { defineCommand } from '../command.ts';
import { createReport } from '../report.ts';
import { createIo, sinkKeys, sinkStage } from '../stages.ts';

export const sinkCommand = defineCommand({
  name: 'sink',
  what: 'publish closed windows into cloud_usage (one leads, others stand by)',
  example: 'usagestream sink --sink mysql://writer@db:3306 --log kafka://k1:9092 --prefix acs',
  takes: sinkKeys,
  run: async (values, _own, context) => {
    await sinkStage(values, createIo(context), context.signal, createReport(context));
    return 0;
  },
});
