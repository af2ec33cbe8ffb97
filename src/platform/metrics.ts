import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { Faults } from './faults.ts';
import { LagGauge } from './lag-gauge.ts';

/** All metrics of one process, made once and passed as a dependency; names are `<room>_<thing>_<unit>`. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const counter = <L extends string = never>(name: string, help: string, labelNames: L[] = []) =>
    new Counter<L>({ name, help, labelNames, registers });
  const gauge = <L extends string = never>(name: string, help: string, labelNames: L[] = []) =>
    new Gauge<L>({ name, help, labelNames, registers });
  return {
    registry,
    tailChanges: counter('tail_changes_total', 'Row changes captured', ['table', 'op']),
    tailTransactions: counter('tail_transactions_total', 'Source transactions captured'),
    tailBytes: counter('tail_appended_bytes_total', 'Bytes appended to the log'),
    tailLag: new LagGauge({
      name: 'tail_behind_source_ms',
      help: 'Time since the watermark, ms: rises while nothing comes from the source; 0 on a stand-by',
      registers,
    }),
    tailDeadLetters: counter('tail_dead_letters_total', 'Changes refused', ['reason']),
    tailReplacedWriters: counter(
      'tail_replaced_writers_total',
      'Writers thrown away and made anew',
    ),
    tailHeals: counter('tail_heals_total', 'Times the source was healed by id', ['why']),
    tailHealedRows: counter('tail_healed_rows_total', 'Rows written by healing', ['table']),
    tailGapMs: gauge(
      'tail_gap_ms',
      'Length of the last gap within which only sums of counters are known, ms',
    ),
    aggregateEvents: counter('aggregate_events_total', 'Usage events stored', ['outcome']),
    aggregateRecords: counter('aggregate_records_total', 'Feed records read', ['kind']),
    aggregateDeadLetters: counter('aggregate_dead_letters_total', 'Records refused', ['reason']),
    aggregateAnomalies: counter('aggregate_anomalies_total', 'Anomalies recorded', ['code']),
    aggregateWindows: counter('aggregate_windows_closed_total', 'Partition windows closed'),
    aggregateRows: counter('aggregate_rows_total', 'Usage rows folded', ['usage_type']),
    aggregateCorrections: counter(
      'aggregate_corrections_total',
      'Published quantities found wrong',
      ['action'],
    ),
    aggregateLagRecords: gauge('aggregate_lag_records', 'Feed records not yet stored', [
      'partition',
    ]),
    feedHeldRecords: gauge(
      'aggregate_feed_held_records',
      'Feed records that nobody can read until an open transaction ends; status says whose',
      ['partition'],
    ),
    aggregateFenced: counter('aggregate_fenced_total', 'Commits refused by the epoch fence'),
    sinkRows: counter('sink_rows_published_total', 'Rows written to cloud_usage', ['usage_type']),
    sinkHelperRows: counter(
      'sink_helper_rows_total',
      'Rows of the tables that a Java usage server needs to go on: written, or skipped because its table cannot hold them',
      ['table', 'outcome'],
    ),
    sinkAmends: counter(
      'sink_amends_total',
      'Published rows that a correction wanted changed in place: amended, or refused',
      ['outcome'],
    ),
    sinkWindows: counter('sink_windows_published_total', 'Windows published'),
    sinkOutbox: counter('sink_outbox_records_total', 'Records sent from the outbox', ['topic']),
    sinkAlerts: counter(
      'sink_alerts_total',
      "Alerts in CloudStack's table: raised, cleared, or failed to be",
      ['action'],
    ),
    sinkLeader: gauge('sink_leader', '1 while this process leads the sink'),
    tailLeader: gauge('tail_leader', '1 while this process leads the tail'),
    retries: counter('platform_retries_total', 'Units of work tried again', ['room', 'code']),
    faults: new Faults(
      gauge('platform_fault', '1 while a part of the process waits for this fault to be over', [
        'part',
        'code',
      ]),
    ),
    batchMs: new Histogram({
      name: 'aggregate_commit_duration_ms',
      help: 'Duration of one store transaction, ms',
      buckets: [1, 5, 10, 25, 50, 100, 250, 500, 1000, 5000],
      registers,
    }),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;
