import { writeSync } from 'node:fs';
import { runAggregate } from '../../src/aggregate/aggregate.ts';
import type { AggregateOptions } from '../../src/aggregate/aggregate.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { openKafkaLog } from '../../src/platform/log/kafka.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import { parseMysqlUrl } from '../../src/platform/mysql.ts';
import { servers } from './servers.ts';

/**
 * One aggregate worker as a process. Arguments: options as JSON; a number of events after whose commit it
 * says so on stdout and stops itself (SIGSTOP), with its other partitions in the middle of their work.
 */
const options = JSON.parse(process.argv[2] ?? '') as AggregateOptions;
const stopAfter = Number(process.argv[3]);
let events = 0;
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
const logger = createLogger({ level: 'info' });
await using log = await openKafkaLog({
  brokers: servers().kafkaBrokers,
  clientId: 'aggregate-test',
  logger,
});
await runAggregate(options, {
  log,
  store: parseMysqlUrl(servers().mariadbUrl),
  logger,
  metrics: createMetrics(),
  clock: systemClock,
  signal: stop.signal,
  onProgress(progress) {
    events += progress.events;
    if (events < stopAfter || events - progress.events >= stopAfter) return;
    writeSync(1, 'stopped');
    process.kill(process.pid, 'SIGSTOP');
  },
});
