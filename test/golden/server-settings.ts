import type { BillingSettings } from '../../src/contracts/fold.ts';
import type { EpochMs } from '../../src/contracts/time.ts';
import { cloudRules } from '../../src/domain/cloud-rules.ts';
import type { SqlChange } from '../support/sql-script.ts';

/**
 * What `cloud.configuration` says about billing, as a usage server reads it when it starts and never again.
 *
 * @param untilMs Its first run.
 */
export function settingsAt(changes: readonly SqlChange[], untilMs: EpochMs): BillingSettings {
  const settings = new Map<string, string | null>();
  for (const { table, row, atMs } of changes)
    if (table === 'configuration' && atMs < untilMs)
      settings.set(row['name'] ?? '', row['value'] ?? null);
  return cloudRules(settings).settings;
}
