import { randomUUID } from 'node:crypto';
import type { Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';
import { quoteName } from '../platform/mysql.ts';
import type { MysqlTarget } from '../platform/mysql.ts';
import { Session } from './session.ts';

/** Where CloudStack's alerts are: the management server's schema, which may be on another server. */
export interface AlertTarget {
  readonly server: MysqlTarget;
  /** Normally `cloud`. */
  readonly schema: string;
}

/** CloudStack's alerts that its usage server raises. */
export const alertKinds = {
  /** A usage job failed. */
  result: { type: 20, name: 'ALERT.USAGE.RESULT' },
  /** What was billed cannot be right. */
  sanity: { type: 23, name: 'ALERT.USAGE.SANITY' },
} as const;
type AlertKind = (typeof alertKinds)[keyof typeof alertKinds];

/** Alerts of the usage server are of no zone and no pod. */
const place = 'type = ? AND data_center_id = 0 AND pod_id = 0 AND resolved IS NULL';
/** A server that does not answer must not hold up the next window. */
const lockWaitSeconds = 2;
const answerMs = 5000;
const contentLength = 4000;

/**
 * Raises and clears an alert of CloudStack, as its own usage server does: one open alert of a kind at a time,
 * cleared by the next good job. It helps and decides nothing: what cannot be written is logged, and billing
 * goes on.
 */
export class UsageAlerts {
  readonly #kind: AlertKind;
  readonly #target: AlertTarget;
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  /** As far as this process knows; null before it looked. */
  #isRaised: boolean | null = null;

  constructor(kind: AlertKind, target: AlertTarget, logger: Logger, metrics: Metrics) {
    this.#kind = kind;
    this.#target = target;
    this.#logger = logger;
    this.#metrics = metrics;
  }

  /** Raises the alert, unless one is open. */
  async raise(subject: string, content: string): Promise<void> {
    if (this.#isRaised === true) return;
    const { type, name } = this.#kind;
    const isDone = await this.#write('raise', async (session, table) => {
      const open = await session.row(`SELECT id FROM ${table} WHERE ${place} LIMIT 1`, [type]);
      if (open) return;
      await session.run(
        `INSERT INTO ${table} (uuid, type, name, pod_id, data_center_id, subject, content, sent_count,
           created, last_sent, archived)
         VALUES (?, ?, ?, 0, 0, ?, ?, 1, UTC_TIMESTAMP(), UTC_TIMESTAMP(), 0)`,
        [randomUUID(), type, name, subject.slice(0, 999), content.slice(0, contentLength)],
      );
      this.#metrics.sinkAlerts.inc({ action: 'raised' });
      this.#logger.warn({ type, subject }, 'an alert was raised in CloudStack');
    });
    if (isDone) this.#isRaised = true;
  }

  /** Clears the alert, if one is open. */
  async clear(): Promise<void> {
    if (this.#isRaised === false) return;
    const { type } = this.#kind;
    const isDone = await this.#write('clear', async (session, table) => {
      const { matched } = await session.run(
        `UPDATE ${table} SET resolved = UTC_TIMESTAMP() WHERE ${place}`,
        [type],
      );
      if (matched === 0) return;
      this.#metrics.sinkAlerts.inc({ action: 'cleared' });
      this.#logger.info({ type, alerts: matched }, 'alerts were cleared in CloudStack');
    });
    if (isDone) this.#isRaised = false;
  }

  async #write(
    what: 'raise' | 'clear',
    work: (session: Session, table: string) => Promise<void>,
  ): Promise<boolean> {
    const { server, schema } = this.#target;
    try {
      await using session = await Session.open({ ...server, answerMs }, lockWaitSeconds);
      await work(session, quoteName(schema, 'alert'));
      return true;
    } catch (error) {
      this.#metrics.sinkAlerts.inc({ action: 'failed' });
      this.#logger.warn({ err: error, what }, 'an alert of CloudStack could not be written');
      return false;
    }
  }
}
