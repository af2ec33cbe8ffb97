import { pino } from 'pino';
import type { Logger } from 'pino';

export type { Logger };

/** JSON lines on stderr (stdout is for results). Credentials are redacted by path and never put in messages. */
export function createLogger(options: { level?: string; name?: string } = {}): Logger {
  return pino(
    {
      level: options.level ?? 'info',
      name: options.name ?? 'usagestream',
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: secretPaths, censor: '[redacted]' },
      hooks: { streamWrite: hideUrlPasswords },
    },
    pino.destination({ dest: 2, sync: true }),
  );
}

const secretNames =
  'password sourcePassword sinkPassword logPassword sasl url uri mariadbUrl'.split(' ');
const secretPaths = ['', '*.', '*.*.', '*.*.*.'].flatMap((depth) =>
  secretNames.map((name) => depth + name),
);

/** The last net, for texts that others wrote: an address in the message or stack of an error. */
const hideUrlPasswords = (line: string): string =>
  line.replaceAll(/(:\/\/[^\s/:@"]*:)[^\s/@"]+@/g, '$1[redacted]@');
