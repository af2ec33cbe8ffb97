import type { AccountId } from '../../contracts/ids.ts';
import type { RebuildIo } from '../../aggregate/rebuild.ts';
import type { MadeGeneration } from '../../aggregate/made-generation.ts';
import type { WindowSpec } from '../../domain/window.ts';
import type { Pool } from '../../platform/mysql.ts';
import { correctionExplainer, inTurn, javaExplainer, quirkExplainer } from './explainers.ts';
import { generationSide } from './generation-side.ts';
import type { Span } from './generation-side.ts';
import { openSide } from './open-side.ts';
import type { OpenSide } from './open-side.ts';
import { differingQuirks, quirkSteps } from './quirk-steps.ts';
import { runDiff } from './run-diff.ts';
import type { DiffSummary, Explainer, Explained } from './run-diff.ts';

interface CompareContext {
  readonly pool: Pool;
  readonly schema: string;
  readonly cloudUsageSchema: string;
  readonly spec: WindowSpec;
  readonly span: Span;
  readonly io: RebuildIo;
  readonly signal: AbortSignal;
  /** Leave quirks out: their steps are folds of the feed. */
  readonly isQuick: boolean;
  readonly onDifference: (difference: Explained) => void;
}

/** Compares two named sides; see {@link openSide}. @throws DIFF_INPUT, LOG_*, STORE_* */
export async function compareSides(
  [a, b]: readonly [string, string],
  context: CompareContext,
): Promise<DiffSummary> {
  const left = await openSide(a, context);
  const right = await openSide(b, context);
  const { pool, schema, signal, onDifference } = context;
  const explainers = [corrections(left, right, context), ...javaOf(left, right, context)];
  const plain = { signal, onDifference, explain: inTurn(explainers) };
  const path = context.isQuick ? null : quirkPath(left, right);
  if (path === null) return runDiff(left.side, right.side, plain);
  const accounts = await accountsThatDiffer(left, right, signal);
  if (accounts.size === 0) return runDiff(left.side, right.side, plain);
  await using steps = await quirkSteps(context, path, accounts);
  const { first, last } = path;
  return await runDiff(left.side, right.side, {
    signal,
    onDifference,
    along: steps.generations.map((one) => generationSide(pool, schema, one, context.span)),
    explain: inTurn([quirkExplainer({ quirks: steps.quirks, first, last }), ...explainers]),
  });
}

const javaRules = { preset: 'java-4.23', quirkOverrides: {} } as const;

/** From which set of quirks to which a comparison goes; null where quirks cannot make a difference. */
function quirkPath(left: OpenSide, right: OpenSide) {
  const { generation: from } = left;
  const { generation: to } = right;
  if (from && to)
    return differingQuirks(from, to).length === 0
      ? null
      : ({ from, to, withBegin: false, first: 'left', last: 'right' } as const);
  const ours = from ?? to;
  const table = from ? right : left;
  const rules = table.side.isJava ? javaRules : table.published;
  if (!ours || !rules || differingQuirks(rules, ours).length === 0) return null;
  const last = from ? 'left' : 'right';
  return { from: rules, to: ours, withBegin: true, first: null, last } as const;
}

/** A first reading, so that only the accounts that differ are folded again. */
async function accountsThatDiffer(
  left: OpenSide,
  right: OpenSide,
  signal: AbortSignal,
): Promise<Set<AccountId>> {
  const found = new Set<AccountId>();
  await runDiff(left.side, right.side, {
    signal,
    explain: () => Promise.resolve([]),
    onDifference: ({ left: a, right: b }) => found.add((a ?? b)?.accountId as AccountId),
  });
  return found;
}

const corrections = (
  left: OpenSide,
  right: OpenSide,
  { pool, schema }: CompareContext,
): Explainer =>
  correctionExplainer(
    pool,
    schema,
    [left, right]
      .flatMap(({ generation, published }) => [generation, published])
      .filter((one): one is MadeGeneration => one !== null),
  );

function javaOf(left: OpenSide, right: OpenSide, context: CompareContext): Explainer[] {
  const { pool, spec, schema } = context;
  const side = left.side.isJava ? 'left' : right.side.isJava ? 'right' : null;
  if (side === null) return [];
  const java = side === 'left' ? left : right;
  const generation = (side === 'left' ? right : left).generation;
  const ours = generation && { schema, generation };
  return [javaExplainer({ pool, cloudUsageSchema: java.cloudUsageSchema, spec, side, ours })];
}
