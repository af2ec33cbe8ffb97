/** How a topic is kept: `delete` by retention, `compact` by the newest record of each key. */
export type Cleanup = 'delete' | 'compact';

export type Stage = 'tail' | 'aggregate' | 'sink' | 'api' | 'operator';

/** A topic, described once: provisioning, docs and the lag view are read from here. */
export interface Stream {
  readonly name: string;
  readonly topic: (prefix: string) => string;
  readonly cleanup: Cleanup;
  readonly retentionMs: number | 'forever';
  /** `feed`: as many as the feed has; else a fixed number. */
  readonly partitions: number | 'feed';
  readonly writer: Stage | readonly Stage[];
  readonly readers: readonly Stage[];
  /** What the key is, in words, for docs and `usagestream topics`. */
  readonly key: string;
  readonly what: string;
}

export const defineStream = (stream: Stream): Stream => stream;
