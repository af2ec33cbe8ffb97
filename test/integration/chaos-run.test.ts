import { expect, test } from 'vitest';
import { openArena } from '../chaos/arena.ts';
import { runChaos } from '../chaos/run.ts';
import { canStartServers } from '../support/servers.ts';
import { testSeed } from '../support/seeded.ts';

test.skipIf(!canStartServers())(
  'a pipeline that is hurt at random has every row once in the end',
  { timeout: 300_000 },
  async () => {
    await using arena = await openArena();
    const { seed } = testSeed(20_260_501);
    const done: string[] = [];
    const onFault = (what: string) => void done.push(what);
    const result = await runChaos(arena, { seed, seconds: 20, onFault });
    const story = `seed ${seed}: ${done.join('; ')}`;
    expect(result, story).toMatchObject({ lost: 0, doubled: 0, wrong: 0, examples: [] });
    expect(result.faults, story).toBeGreaterThan(0);
    expect(result.compared, story).toBeGreaterThan(0);
  },
);
