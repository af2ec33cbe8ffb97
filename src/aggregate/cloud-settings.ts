import type { FeedRecord } from '../contracts/feed-record.ts';
import type { EpochMs } from '../contracts/time.ts';
import { settingConflicts } from '../domain/cloud-rules.ts';
import type { CloudRules, CloudSettings, SettingConflict } from '../domain/cloud-rules.ts';
import type { EventLog } from '../platform/log/log.ts';
import { parseRecord } from './parse-record.ts';
import { quote } from './sql-text.ts';
import type { PartitionStore } from './store.ts';

export type SettingsRecord = Extract<FeedRecord, { kind: 'settings' }>;

/** Every partition has all settings; this one speaks of them. */
const speaker = 0;

/** What a feed says of its cloud's settings. */
export interface FeedSettings {
  /** By now. */
  readonly newest: CloudSettings;
  /** As the feed began, which never changes, and when that was. */
  readonly first: CloudSettings;
  readonly firstMs: EpochMs;
}

/**
 * The settings of the cloud in a feed. Waits until the feed has more than settings, because its snapshot
 * begins with them, one record each.
 * @returns null when the signal aborts first.
 */
export async function readCloudSettings(
  log: EventLog,
  topic: string,
  signal: AbortSignal,
): Promise<FeedSettings | null> {
  const all = await log.offsets(topic);
  const { earliest = 0, next = 0 } = all.find(({ partition }) => partition === speaker) ?? {};
  const settings = new Map<string, string | null>();
  let first: Pick<FeedSettings, 'first' | 'firstMs'> = { first: new Map(), firstMs: 0 };
  let hasMore = false;
  for await (const batch of log.read({ topic, partition: speaker, from: earliest, signal })) {
    for (const { value } of batch.records) {
      // Nearly all of a feed is something else: only what may be a settings record is parsed.
      if (value?.includes('"kind":"settings"') !== true) hasMore = true;
      else {
        const parsed = parseRecord(value);
        if (!parsed.ok || parsed.record.kind !== 'settings') continue;
        enter(settings, parsed.record);
        if (!hasMore) {
          const firstMs = first.first.size === 0 ? parsed.record.origin.commitMs : first.firstMs;
          first = { first: new Map(settings), firstMs };
        }
      }
    }
    if (hasMore && batch.nextOffset >= next) return { newest: settings, ...first };
  }
  return null;
}

const enter = (settings: Map<string, string | null>, record: SettingsRecord) => {
  for (const [name, value] of Object.entries(record.settings)) settings.set(name, value);
};

/** A setting of the cloud that has no effect here, for the log. */
export type SettingNote = SettingConflict & { readonly partition: number };

/**
 * The cloud's settings as one partition has seen them. What differs from the rules of the generation is
 * never applied, as the windows before and after could not be told apart: it is recorded and told.
 */
export class SettingsBook {
  readonly #rules: CloudRules;
  readonly #partition: number;
  readonly #settings = new Map<string, string | null>();
  #conflicts: { readonly conflict: SettingConflict; readonly windowMs: EpochMs }[] = [];
  #notes: SettingNote[] = [];

  private constructor(rules: CloudRules, partition: number) {
    this.#rules = rules;
    this.#partition = partition;
  }

  /** With what the partition's table has. */
  static async open(store: PartitionStore, rules: CloudRules): Promise<SettingsBook> {
    const book = new SettingsBook(rules, store.partition);
    const rows = await store.rows<{ body: string }>(
      `SELECT body FROM fact WHERE generation=${store.generation} AND account_id=0
         AND kind='settings' AND fact_id=${store.partition}`,
    );
    for (const { body } of rows) enter(book.#settings, JSON.parse(body) as SettingsRecord);
    return book;
  }

  /** Whether CloudStack's quota charges what is published. */
  get isQuotaOn(): boolean {
    return this.#settings.get('quota.enable.service')?.toLowerCase() === 'true';
  }

  /** @returns the record with all settings that are known by now, as JSON. */
  take(record: SettingsRecord, closedUntilMs: EpochMs | null): string {
    enter(this.#settings, record);
    if (this.#partition === speaker)
      for (const conflict of settingConflicts(
        this.#settings,
        Object.keys(record.settings),
        this.#rules,
      ))
        this.#conflicts.push({ conflict, windowMs: closedUntilMs ?? 0 });
    return JSON.stringify({ ...record, settings: Object.fromEntries(this.#settings) });
  }

  /** Writes what {@link take} found, one anomaly a window, in the open transaction. @returns how many. */
  async write(store: PartitionStore): Promise<number> {
    const found = this.#conflicts;
    this.#conflicts = [];
    const byWindow = Map.groupBy(found, ({ windowMs }) => windowMs);
    for (const [windowMs, ofWindow] of byWindow) {
      const facts: Record<string, string> = {};
      for (const { conflict } of ofWindow)
        facts[conflict.setting] = `${conflict.cloud}, not applied: ${conflict.used}`;
      const json = quote(JSON.stringify(facts));
      await store.run(
        `INSERT INTO anomaly (generation, account_id, event_id, code, window_start_ms, facts)
         VALUES (${store.generation},0,0,'SETTING_NOT_APPLIED',${windowMs},${json})
         ON DUPLICATE KEY UPDATE facts=JSON_MERGE_PATCH(facts, VALUES(facts))`,
      );
    }
    for (const { conflict } of found) this.#notes.push({ ...conflict, partition: this.#partition });
    return found.length;
  }

  /** What was written since the last call: to be told once it is committed. */
  takeNotes(): SettingNote[] {
    const notes = this.#notes;
    this.#notes = [];
    return notes;
  }
}
