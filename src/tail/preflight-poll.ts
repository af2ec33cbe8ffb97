import type { Finding, PreflightOptions } from './preflight.ts';

/** Checks of what only a reader of the binlog needs. */
const ofBinlog =
  /^(log_bin|binlog|server_id|gtid|transaction_compression|grant (BINLOG|REPLICATION))/i;

/** The findings that matter: a source that is polled needs neither a binlog nor the right to read one. */
export const needed = (
  { sourceMode }: PreflightOptions,
  findings: readonly Finding[],
): readonly Finding[] =>
  sourceMode === 'poll' ? findings.filter(({ check }) => !ofBinlog.test(check)) : findings;
