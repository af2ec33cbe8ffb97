import type { RowImage } from '../contracts/change-event.ts';
import { rowHash } from './event-content.ts';
import type { SourceChange } from './source.ts';

type Known = { readonly id: string; readonly hash: string } | null;

/** The event of the highest id that went by, with its content; nothing after that very row was deleted. */
export class NewestEvent {
  #id: bigint;
  #row: RowImage | null = null;
  #known: Known;

  constructor(known: Known) {
    this.#known = known;
    this.#id = known === null ? -1n : BigInt(known.id);
  }

  saw({ after, before }: SourceChange): void {
    const id = idOf(after ?? before);
    if (id === null || id < this.#id) return;
    this.#row = after;
    this.#known = null;
    this.#id = id;
  }

  /** Made when asked for: hashing every event would be a waste. */
  value(): Known {
    if (this.#row !== null) {
      const hash = rowHash(this.#row);
      this.#known = hash === null ? null : { id: String(this.#id), hash };
      this.#row = null;
    }
    return this.#known;
  }
}

function idOf(row: RowImage | null): bigint | null {
  const id = row?.['id'] ?? null;
  return typeof id === 'number' || typeof id === 'string' ? BigInt(id) : null;
}
