import { deadLetterReasons, errorCodes } from '../../contracts/error-codes.ts';
import { anomalyCodes } from '../../contracts/fold.ts';
import { code, page, plain, table } from './markdown.ts';

/** docs/errors.md: what can go wrong by name: faults, refused records, oddities of the input. */
export function errorsPage(): string {
  return page('Errors, dead letters and anomalies', [
    '## Error codes',
    'A fault that stops a unit of work, or the process. What happens next: `never` means that an operator must act and the process ends, `backoff` that the same work is tried again after a growing pause, `restart` that the stage drops what it holds in memory and joins again.',
    table(
      ['code', 'next', 'what to do'],
      Object.entries(errorCodes).map(([name, { retry, fix }]) => [code(name), retry, prose(fix)]),
    ),
    '## Dead-letter reasons',
    'A record that cannot be used is kept whole, with its reason, in the dead-letter table and topic; the records after it go on.',
    table(['reason', 'means'], meanings(deadLetterReasons)),
    '## Anomalies',
    'Odd input that was handled by rule. Recorded with the event, counted in `aggregate_anomalies_total`.',
    table(['code', 'means'], meanings(anomalyCodes)),
  ]);
}

const meanings = (entries: Readonly<Record<string, string>>): string[][] =>
  Object.entries(entries).map(([name, means]) => [code(name), plain(means)]);

/** Text of the catalogue has commands in back-ticks already. */
const prose = (text: string): string =>
  text
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith('`') ? part.replaceAll('|', '\\|') : plain(part)))
    .join('');
