import type { AccountFacts } from '../../../src/contracts/fold.ts';
import { compareU64 } from '../../../src/contracts/ids.ts';
import type { CopiedAccount } from './account-copy.ts';
import { keyedLines } from './keyed-parsers.ts';
import { singleLines } from './single-parsers.ts';
import { bucketLines } from './statistics.ts';
import type { Statistics } from './statistics.ts';
import type { ParserContext } from './window-rows.ts';

/** What of an account is not in its helper tables. */
export interface AccountInput {
  readonly account: CopiedAccount;
  readonly statistics: Statistics;
  readonly facts: AccountFacts | undefined;
}

/** The rows of one account in one window, by all parsers. @throws NegativeRow */
export function parseAccount(ctx: ParserContext, input: AccountInput): string[] {
  const { account, statistics, facts } = input;
  const lines = [
    ...keyedLines(ctx),
    ...singleLines(ctx),
    ...statistics.lines(ctx),
    ...bucketLines(ctx, facts?.counters ?? []),
  ];
  closePublicTemplate(ctx, account, facts);
  return lines;
}

/** Of the public templates that a removed account leaves, the first ends; windows after this see it. */
function closePublicTemplate(
  { tables }: ParserContext,
  { id: accountId, removedMs }: CopiedAccount,
  facts: AccountFacts | undefined,
): void {
  if (removedMs === null) return;
  const [first] = (facts?.templates ?? [])
    .filter((template) => template.isPublic && template.removedMs === null)
    .toSorted((a, b) => compareU64(a.id, b.id));
  if (first === undefined) return;
  const isOpen = (row: {
    readonly accountId: string;
    readonly kind: number;
    readonly endMs: number | null;
  }) => row.accountId === accountId && row.kind === 1 && row.endMs === null;
  tables.update('storage', first.id, isOpen, { endMs: removedMs });
}
