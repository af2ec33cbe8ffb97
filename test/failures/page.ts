import { failures } from './failures.ts';
import type { Failure } from './failure.ts';

/** docs/failure-matrix.md. */
export function failurePage(): string {
  const open = failures.filter(({ pending }) => pending !== undefined).length;
  return `<!-- Made from test/failures by \`node test/failures/write.ts\`: do not edit. -->

# What may fail

${failures.length} failures that UsageStream is to survive, what must hold then, and the tests that show it. Most run on a real MariaDB, a real broker and real processes; some are unit and property tests of the rules, where a rule decides. That each one named here exists is a test, too.
${open === 0 ? 'None is open.' : `${open} are not complete yet; they say so.`}

${failures.map(section).join('\n')}`;
}

const section = ({ n, fault, holds, tests, pending, reason }: Failure): string =>
  [
    `## F${n}: ${fault}`,
    '',
    `Must hold: ${holds}.`,
    '',
    ...tests.map((test) => `- ${code(test)}`),
    ...(tests.length > 0 ? [''] : []),
    ...(reason === undefined ? [] : [`Why no more: ${reason}.`, '']),
    ...(pending === undefined ? [] : [`Pending: ${pending}.`, '']),
  ].join('\n');

/** The file in code, the title as text: characters of Markdown in it are shown as they are. */
function code(test: string): string {
  const at = test.indexOf(': ');
  return `\`${test.slice(0, at)}\`: ${test.slice(at + 2).replaceAll(/[*_<]/g, '\\$&')}`;
}
