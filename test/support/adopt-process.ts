// An adopter as a process of its own, for tests that kill it. It tells each progress.
import { pino } from 'pino';
import { systemClock } from '../../src/platform/clock.ts';
import { openKafkaLog } from '../../src/platform/log/kafka.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import { runAdopt } from '../../src/tail/adopt.ts';
import type { AdoptOptions } from '../../src/tail/adopt.ts';
import { tellAndWait } from './tell-and-wait.ts';

const { brokers, options } = JSON.parse(process.argv[2] ?? '') as {
  brokers: string[];
  options: AdoptOptions;
};
const logger = pino({ level: 'silent' });
const log = await openKafkaLog({ brokers, clientId: 'adopt-process', logger });
await runAdopt(options, {
  log,
  logger,
  metrics: createMetrics(),
  clock: systemClock,
  signal: new AbortController().signal,
  onProgress: tellAndWait,
});
