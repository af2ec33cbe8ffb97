/** Events of the feed beside those of the source, compared by id and content over a range of ids. */
export interface Comparison {
  /** Highest id that both have with the same content; null: none. */
  readonly highestEqual: bigint | null;
  /** Highest id of the range that the feed has; null: none. */
  readonly highestHeld: bigint | null;
  /** Whether the range begins at the first event of the feed. */
  readonly isWhole: boolean;
}

/**
 * What a comparison says about the history of the source.
 * `continues`: the feed has nothing above what both have. `forked`: it has, and the source has lost it or
 * has other content there, so ids above `aboveId` count as another incarnation from now on: else new events
 * would be taken for conflicts with old ones. Both have other content at an id below: that row was
 * changed, and is a conflict, not a fork. `widen`: nothing agrees yet, look further back. `stranger`: there is nothing
 * further back.
 */
export type Verdict =
  | { readonly kind: 'continues' }
  | { readonly kind: 'forked'; readonly aboveId: bigint }
  | { readonly kind: 'widen' }
  | { readonly kind: 'stranger' };

export function judgeHistory({ highestEqual, highestHeld, isWhole }: Comparison): Verdict {
  if (highestEqual === null) {
    if (!isWhole) return { kind: 'widen' };
    return highestHeld === null ? { kind: 'continues' } : { kind: 'stranger' };
  }
  if (highestHeld !== null && highestHeld > highestEqual)
    return { kind: 'forked', aboveId: highestEqual };
  return { kind: 'continues' };
}
