import type { AccountId } from '../../contracts/ids.ts';
import { dropGeneration } from '../../aggregate/drop-generation.ts';
import { copyBase } from '../../aggregate/base-state.ts';
import { ensureGeneration } from '../../aggregate/generation.ts';
import { requireGeneration } from '../../aggregate/made-generation.ts';
import type { MadeGeneration } from '../../aggregate/made-generation.ts';
import { rebuild } from '../../aggregate/rebuild.ts';
import type { RebuildIo } from '../../aggregate/rebuild.ts';
import { openTemporaryNames } from '../../aggregate/temporary-generations.ts';
import { quirkSet, realOverrides } from '../../domain/quirks.ts';
import type { QuirkName, QuirkSet } from '../../domain/quirks.ts';
import type { Pool } from '../../platform/mysql.ts';

export interface QuirkSteps extends AsyncDisposable {
  /** In the order in which the steps change them. */
  readonly quirks: readonly QuirkName[];
  /** After each change but the last; the begin before them when it had to be made. */
  readonly generations: readonly MadeGeneration[];
}

interface StepContext {
  readonly pool: Pool;
  readonly schema: string;
  readonly io: RebuildIo;
}

/** Rules by which a generation folds. */
type Quirks = Pick<MadeGeneration, 'preset' | 'quirkOverrides'>;

/** The quirks that two generations have otherwise, in the order of the table of quirks. */
export function differingQuirks(a: Quirks, b: Quirks): QuirkName[] {
  const [before, after] = [a, b].map((one) => quirkSet(one.preset, one.quirkOverrides));
  return (Object.keys(before ?? {}) as QuirkName[]).filter(
    (name) => before?.[name] !== after?.[name],
  );
}

/**
 * Folds the feed again, for some accounts, once for each quirk by which two sides differ: each step has one
 * quirk more as `to` has it. They are dropped when disposed. So that facts, late events and corrections
 * count as they did, this is a fold of the feed and not of what is stored.
 *
 * @param withBegin Whether the begin of the path is folded too: when no side is a generation with it.
 */
export async function quirkSteps(
  context: StepContext,
  path: { from: Quirks; to: MadeGeneration; withBegin: boolean },
  accounts: ReadonlySet<AccountId>,
): Promise<QuirkSteps> {
  const { from, to, withBegin } = path;
  const quirks = differingQuirks(from, to);
  const target = quirkSet(to.preset, to.quirkOverrides);
  const made: MadeGeneration[] = [];
  const { pool, schema, io } = context;
  const names = await openTemporaryNames(pool, schema, io.store);
  const drop = async () => {
    for (const one of made) await dropGeneration(pool, schema, one.id);
    await names[Symbol.asyncDispose]();
  };
  const fold = (set: QuirkSet) =>
    foldWith(context, { like: to, set, accounts, name: names.next('step'), made });
  try {
    let set: QuirkSet = quirkSet(from.preset, from.quirkOverrides);
    if (withBegin) await fold(set);
    for (const quirk of quirks.slice(0, -1)) {
      set = { ...set, [quirk]: target[quirk] };
      await fold(set);
    }
    return { quirks, generations: made, [Symbol.asyncDispose]: drop };
  } catch (error) {
    await drop();
    throw error;
  }
}

interface StepFold {
  readonly like: MadeGeneration;
  readonly set: QuirkSet;
  readonly accounts: ReadonlySet<AccountId>;
  readonly name: string;
  /** Takes what was made, also when its fold fails: to be dropped. */
  readonly made: MadeGeneration[];
}

async function foldWith(
  { pool, schema, io }: StepContext,
  { like, set, accounts, name, made }: StepFold,
): Promise<void> {
  const { window, closeDelayMs, settings, feedTopic, feedPartitions, preset, corrections } = like;
  const rules = { window, closeDelayMs, settings, feedTopic, feedPartitions, preset, corrections };
  const quirkOverrides = realOverrides(preset, set);
  await ensureGeneration(pool, { schema, name, ...rules, quirkOverrides, isBeside: true });
  const generation = await requireGeneration(pool, schema, name);
  made.push(generation);
  await copyBase(pool, schema, { from: like.id, to: generation.id });
  await rebuild({ schema, generation, accounts, helperTables: false }, io);
  io.signal.throwIfAborted();
}
