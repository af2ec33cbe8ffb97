import { AppError } from '../platform/errors.ts';
import type { EventLog, GroupMember } from '../platform/log/log.ts';
import type { Logger } from '../platform/logger.ts';
import { positions } from '../../streams/positions.ts';

/** Our turn as the one tailer that works. */
export interface Seat {
  /** Aborts when another tailer may have taken over: stop writing at once. */
  readonly lost: AbortSignal;
}

const asError = (fault: unknown): Error =>
  fault instanceof Error ? fault : new AppError('LOG_UNREACHABLE', { reason: String(fault) });

interface Seats {
  current: AbortController | null;
  fault: unknown;
  /** In the group, with the seat or without. */
  isMember: boolean;
  changed: () => void;
}

/**
 * Membership of the tailers' group, whose one partition is the seat of leadership. A member that loses
 * the seat stays and waits, so that two tailers do not chase each other away.
 */
export class Leadership implements AsyncDisposable {
  readonly #member: GroupMember;
  readonly #seats: Seats;

  private constructor(member: GroupMember, seats: Seats) {
    this.#member = member;
    this.#seats = seats;
  }

  static async join(options: {
    readonly log: EventLog;
    readonly prefix: string;
    readonly sessionTimeoutMs: number;
    readonly logger: Logger;
    /** What keeps us out of the group for now. */
    readonly onFault?: (fault: AppError) => void;
  }): Promise<Leadership> {
    const { log, prefix, logger, onFault = () => {} } = options;
    const topic = positions.topic(prefix);
    const seats: Seats = { current: null, fault: undefined, isMember: false, changed: () => {} };
    const lose = (reason: string) => {
      if (!seats.current) return;
      logger.info({ prefix, reason }, 'tail lead lost');
      seats.current.abort(new AppError('TAIL_FENCED', { reason }));
      seats.current = null;
    };
    const member = await log.join({
      group: `${prefix}-tail`,
      topic,
      sessionTimeoutMs: options.sessionTimeoutMs,
      handler: {
        async assigned(partitions) {
          const [offsets] = await log.offsets(topic);
          lose('assigned anew');
          if (partitions.includes(0)) {
            seats.current = new AbortController();
            seats.changed();
          }
          // The records are read elsewhere; the group only says whose turn it is.
          return new Map(partitions.map((partition) => [partition, offsets?.next ?? 0]));
        },
        async batch() {},
        async revoked(partitions) {
          if (partitions.includes(0)) lose('revoked');
        },
      },
      concurrency: 1,
      onMembership(fault) {
        seats.isMember = fault === null;
        if (fault) onFault(fault);
        else seats.changed();
      },
    });
    const leadership = new Leadership(member, seats);
    const end = (fault: unknown) => {
      seats.fault = fault;
      lose('left the group');
      seats.changed();
    };
    member.done.then(
      () => end(new AppError('LOG_UNREACHABLE', { reason: 'the group member ended' })),
      end,
    );
    return leadership;
  }

  /**
   * Waits for our turn; `standBy` is called when it is not at once, and says whether we are in the group.
   * null when the signal aborts first.
   *
   * @throws what ended the membership.
   */
  async seat(
    signal: AbortSignal,
    standBy: (isMember: boolean) => void = () => {},
  ): Promise<Seat | null> {
    const seats = this.#seats;
    for (;;) {
      if (signal.aborted) return null;
      if (seats.current) return { lost: seats.current.signal };
      if (seats.fault !== undefined) throw asError(seats.fault);
      standBy(seats.isMember);
      await new Promise<void>((resolve) => {
        const go = () => {
          signal.removeEventListener('abort', go);
          resolve();
        };
        seats.changed = go;
        signal.addEventListener('abort', go);
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#member[Symbol.asyncDispose]();
  }
}
