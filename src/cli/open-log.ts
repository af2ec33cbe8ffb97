import { openEmbeddedLog } from '../platform/log/embedded/embedded.ts';
import { openKafkaLog } from '../platform/log/kafka.ts';
import type { EventLog } from '../platform/log/log.ts';
import type { Logger } from '../platform/logger.ts';
import { embeddedFile, parseLogUrl } from './log-url.ts';

/**
 * The log that `--log` names: brokers, or a file.
 *
 * @throws CONFIG_INVALID, LOG_UNREACHABLE
 */
export function openLog(
  values: { readonly log: string; readonly logPassword: string | undefined },
  options: {
    readonly clientId: string;
    readonly logger: Logger;
    readonly signal?: AbortSignal;
  },
): Promise<EventLog> {
  const file = embeddedFile(values.log);
  if (file !== null) return openEmbeddedLog({ file, logger: options.logger });
  return openKafkaLog({ ...parseLogUrl(values.log, values.logPassword), ...options });
}
