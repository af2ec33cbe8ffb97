import type { BillingSettings } from '../../src/contracts/fold.ts';
import { cloudRules } from '../../src/domain/cloud-rules.ts';
import type { Golden } from './golden.ts';

/**
 * What the folder's `cloud.configuration` says about billing, as a usage server reads it when it starts: before
 * its first run, and never again.
 */
export function goldenSettings({
  changes,
  fromMs,
  rangeMs,
  runDelayMs,
}: Pick<Golden, 'changes' | 'fromMs' | 'rangeMs' | 'runDelayMs'>): BillingSettings {
  const settings = new Map<string, string | null>();
  for (const { table, row, atMs } of changes)
    if (table === 'configuration' && atMs < fromMs + rangeMs + runDelayMs)
      settings.set(row['name'] ?? '', row['value'] ?? null);
  return cloudRules(settings).settings;
}
