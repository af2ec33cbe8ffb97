// A tailer as a process of its own, for tests that kill it. It tells each progress.
import { pino } from 'pino';
import { systemClock } from '../../src/platform/clock.ts';
import { openKafkaLog } from '../../src/platform/log/kafka.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import { runTail } from '../../src/tail/tailer.ts';
import type { TailOptions } from '../../src/tail/tailer.ts';
import { tellAndWait } from './tell-and-wait.ts';

const { brokers, options } = JSON.parse(process.argv[2] ?? '') as {
  brokers: string[];
  options: TailOptions;
};
const logger = pino({ level: 'silent' });
const log = await openKafkaLog({ brokers, clientId: 'tail-process', logger });
await runTail(options, {
  log,
  logger,
  metrics: createMetrics(),
  clock: systemClock,
  signal: new AbortController().signal,
  onProgress: tellAndWait,
});
