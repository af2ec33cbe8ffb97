import type { LargeFlavour } from './large-transaction.ts';

export interface BenchOptions {
  readonly mariadbUrl: string;
  readonly kafka: string;
  readonly events: number;
  /** Of the source, where a bench has more than one. */
  readonly flavour: LargeFlavour;
  readonly say: (text: string) => void;
}

export function requireServers(): { mariadbUrl: string; kafka: string } {
  const mariadbUrl = process.env['USAGESTREAM_MARIADB_URL'];
  const kafka = process.env['USAGESTREAM_KAFKA'];
  if (!mariadbUrl || !kafka) throw new Error('no servers: start it with npm run bench');
  return { mariadbUrl, kafka };
}
