import { openKafkaLog } from '../../src/platform/log/kafka.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { servers } from '../support/servers.ts';
import { describeLogConformance } from './log-conformance.ts';

const logger = createLogger({ level: 'silent' });

describeLogConformance('the Kafka log', () =>
  openKafkaLog({ brokers: servers().kafkaBrokers, clientId: 'conformance', logger }),
);
