import { readFileSync } from 'node:fs';
import { AppError } from '../platform/errors.ts';
import type { KafkaSasl, KafkaTls } from '../platform/log/kafka.ts';

export interface KafkaTarget {
  readonly brokers: string[];
  readonly tls: KafkaTls | undefined;
  readonly sasl: KafkaSasl | undefined;
}

/** The file of `embedded:FILE`; null for any other address. @throws CONFIG_INVALID without a file. */
export function embeddedFile(text: string): string | null {
  if (!text.startsWith('embedded:')) return null;
  const file = text.slice('embedded:'.length);
  if (file === '')
    throw invalid('write embedded:FILE, for example embedded:/var/lib/usagestream/log');
  return file;
}

const mechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

/**
 * Reads `kafka://host:9092,host:9092?tls=verify&ca=FILE&sasl=scram-sha-512&user=NAME`.
 * @throws CONFIG_INVALID, never with the password.
 */
export function parseLogUrl(text: string, password: string | undefined): KafkaTarget {
  const match = /^kafka:\/\/([^/?#]+)\/?(?:\?(.*))?$/.exec(text);
  const brokers = (match?.[1] ?? '')
    .split(',')
    .filter((b) => /^[^:@\s]+:\d+$|^\[[^\]]+\]:\d+$/.test(b));
  if (!match || brokers.length === 0 || brokers.length !== match[1]?.split(',').length)
    throw invalid('write kafka://host:port, comma between several, or embedded:FILE');
  const query = new URLSearchParams(match[2] ?? '');
  const tls = query.get('tls');
  const ca = query.get('ca');
  const sasl = query.get('sasl');
  const mechanism = mechanisms.find((m) => m === sasl);
  if (sasl !== null && mechanism === undefined)
    throw invalid(`sasl is one of ${mechanisms.join(', ')}`);
  if (mechanism !== undefined && password === undefined)
    throw invalid('sasl needs USAGESTREAM_LOG_PASSWORD or --log-password-file');
  return {
    brokers,
    tls:
      tls === null && ca === null
        ? undefined
        : { ...(ca === null ? {} : { caFile: readable(ca) }), verify: tls !== 'required' },
    sasl:
      mechanism === undefined
        ? undefined
        : { mechanism, username: query.get('user') ?? '', password: password ?? '' },
  };
}

const invalid = (problem: string) =>
  new AppError('CONFIG_INVALID', { setting: '--log', problems: [problem] });

function readable(path: string): string {
  try {
    readFileSync(path, 'utf8');
    return path;
  } catch (cause) {
    throw invalid(`ca: ${cause instanceof Error ? cause.message : 'not readable'}`);
  }
}
