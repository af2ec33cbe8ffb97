import type { Metrics } from '../../platform/metrics.ts';
import { code, codes, page, plain, table } from './markdown.ts';

/** docs/metrics.md: every metric of a process, by name. */
export function metricsPage({ registry }: Metrics): string {
  const rows = registry
    .getMetricsAsArray()
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((metric) => [
      code(metric.name),
      String(metric.type),
      codes(labelsOf(metric)),
      plain(metric.help),
    ]);
  return page('Metrics', [
    'In the text form of Prometheus. The first word of a name is the stage that counts. No metric has an account as label.',
    table(['name', 'type', 'labels', 'counts'], rows),
  ]);
}

/** prom-client keeps the label names, but its types do not say so. */
function labelsOf(metric: object): string[] {
  const names: unknown = 'labelNames' in metric ? metric.labelNames : [];
  return Array.isArray(names) ? names.map(String) : [];
}
