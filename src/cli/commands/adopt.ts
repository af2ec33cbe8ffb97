import { Option } from 'commander';
import { defineCommand } from '../command.ts';
import { serveHealth } from '../health-server.ts';
import { createReport } from '../report.ts';
import { adoptKeys, adoptStage, createIo } from '../stages.ts';

export const adoptCommand = defineCommand({
  name: 'adopt',
  what: 'make the feed from the topics that a Debezium writes, instead of from the binlog (see docs/debezium.md)',
  example:
    'usagestream adopt --log kafka://k1:9092 --prefix acs --debezium-prefix dbz\n' +
    'usagestream adopt --log kafka://k1:9092 --prefix acs --debezium-prefix dbz --debezium-topics {prefix}-{table}',
  takes: adoptKeys,
  options: [
    new Option('--drain', 'the connector has stopped: read its topics to their ends, then end'),
  ],
  run: async (values, own, context) => {
    const io = createIo(context);
    await using _health = await serveHealth(values.http, io.metrics, context.signal);
    const drain = own['drain'] === true;
    await adoptStage({ ...values, drain }, io, context.signal, createReport(context));
    return 0;
  },
});
