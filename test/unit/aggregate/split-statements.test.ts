import { expect, test } from 'vitest';
import { splitStatements } from '../../../src/platform/split-statements.ts';

test.each([
  { script: 'A; B;', parts: ['A', 'B'], why: 'a semicolon ends a statement' },
  { script: 'A', parts: ['A'], why: 'the last needs none' },
  { script: `A ';' "b;" \`c;\`; B`, parts: [`A ';' "b;" \`c;\``, 'B'], why: 'not one in quotes' },
  {
    script: `A 'it''s; \\'x;'; B`,
    parts: [`A 'it''s; \\'x;'`, 'B'],
    why: 'nor behind an escaped quote',
  },
  { script: '-- a; b\nA; -- c;\nB', parts: ['A', 'B'], why: 'comments between are left out' },
  {
    script: 'A -- x; y\n B; /* ; */',
    parts: ['A -- x; y\n B', '/* ; */'],
    why: 'those within stay',
  },
  { script: ' ;\n;', parts: [], why: 'nothing is no statement' },
])('$why', ({ script, parts }) => expect(splitStatements(script)).toEqual(parts));
