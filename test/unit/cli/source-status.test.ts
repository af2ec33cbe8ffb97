import { expect, test } from 'vitest';
import { sourceLines } from '../../../src/cli/source-status.ts';
import type { SourceStatus } from '../../../src/cli/source-status.ts';
import { AppError } from '../../../src/platform/errors.ts';
import { faultState } from '../../../src/tail/source-state.ts';

const status: SourceStatus = {
  state: 'following',
  server: 'db2:3306 10.11.14-MariaDB',
  how: 'heal',
  why: 'purged',
  since: '2026-03-02 10:00:07 GMT',
  position: { file: 'bin.000012', pos: 4711, gtid: '0-1-5120', serverId: 1, incarnation: 1 },
  watermark: '2026-03-02 10:00:05 GMT',
  healed: {
    why: 'purged',
    atMs: Date.UTC(2026, 2, 2, 10),
    gapFromMs: Date.UTC(2026, 2, 2, 7),
    events: 25,
    details: 26,
    facts: 112,
    conflicts: 1,
    lostOnSource: 2,
    newIncarnation: true,
  },
  code: null,
  fix: null,
};

test('the status of the source says where it is, how it went on and what is not known', () => {
  expect(sourceLines(status)).toEqual([
    'source: db2:3306 10.11.14-MariaDB, following since 2026-03-02 10:00:07 GMT, by heal (purged)',
    'position: server 1, bin.000012:4711, GTID 0-1-5120, incarnation 1, watermark 2026-03-02 10:00:05 GMT',
    'last healed by id: 2026-03-02 10:00:00 GMT (purged): 25 events, 26 details, 112 other rows; 1 conflicts, 2 events lost on the source; a new incarnation began; counters unknown in detail since 2026-03-02 07:00:00 GMT',
  ]);
  expect(sourceLines(null)).toEqual(['source: not followed yet']);
});

test('a source that stopped ends with what to do', () => {
  const stopped = { ...status, state: 'stopped', fix: 'do this' } as const;
  expect(sourceLines(stopped).at(-1)).toBe('stopped: do this');
});

test.each([
  { code: 'TAIL_SOURCE_REPLACED', state: 'stopped' },
  { code: 'SOURCE_BEHIND', state: 'waiting' },
  { code: 'SOURCE_UNREACHABLE', state: 'waiting' },
  { code: 'TAIL_SOURCE_CHANGED', state: undefined },
  { code: 'LOG_UNREACHABLE', state: undefined },
] as const)('$code is kept as $state', ({ code, state }) => {
  const before = { source: 'acs', how: 'position', server: 'db:3306' } as const;
  const said = faultState(new AppError(code, { reason: 'x' }), before, 5);
  expect(said?.state).toBe(state);
  if (said) expect(said).toMatchObject({ ...before, code, why: 'x', atMs: 5 });
});
