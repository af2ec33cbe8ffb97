import type { BillingSettings } from '../../src/contracts/fold.ts';
import type { EpochMs } from '../../src/contracts/time.ts';
import { cloudRules } from '../../src/domain/cloud-rules.ts';
import type { Golden } from './golden.ts';
import type { SqlChange } from './sql-script.ts';

/** What a golden folder's `cloud.configuration` says about billing: see {@link settingsBefore}. */
export const goldenSettings = (
  golden: Pick<Golden, 'changes' | 'fromMs' | 'rangeMs' | 'runDelayMs'>,
): BillingSettings =>
  settingsBefore(golden.changes, golden.fromMs + golden.rangeMs + golden.runDelayMs);

/** The settings as a usage server reads them when it starts: before its first run, and never again. */
export function settingsBefore(
  changes: readonly SqlChange[],
  firstRunMs: EpochMs,
): BillingSettings {
  const settings = new Map<string, string | null>();
  for (const { table, row, atMs } of changes)
    if (table === 'configuration' && atMs < firstRunMs)
      settings.set(row['name'] ?? '', row['value'] ?? null);
  return cloudRules(settings).settings;
}
