import type { Metrics } from '../../platform/metrics.ts';
import { errorsPage } from './errors-page.ts';
import { metricsPage } from './metrics-page.ts';
import { quirksPage } from './quirks-page.ts';
import type { QuirkTests } from './quirks-page.ts';
import { settingsPage } from './settings-page.ts';
import type { CommandFlags } from './settings-page.ts';
import { topicsPage } from './topics-page.ts';

export interface PageFacts {
  readonly commands: readonly CommandFlags[];
  readonly metrics: Metrics;
  readonly quirkTests: QuirkTests;
}

/** Every generated page of docs/, content by file name. */
export function referencePages(facts: PageFacts): ReadonlyMap<string, string> {
  return new Map([
    ['settings.md', settingsPage(facts.commands)],
    ['errors.md', errorsPage()],
    ['metrics.md', metricsPage(facts.metrics)],
    ['topics.md', topicsPage()],
    ['quirks.md', quirksPage(facts.quirkTests)],
  ]);
}
