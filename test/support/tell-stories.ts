import { describe, expect, test } from 'vitest';
import { anomalies, billed, play } from './fold-story.ts';
import type { Story } from './fold-story.ts';

/** Given events, then rows: one list a day, `type:resource ms`, in any order. */
export interface StoryCase extends Omit<Story, 'lines' | 'preset' | 'days'> {
  /** The rule, as a sentence: the title of the test. */
  readonly why: string;
  readonly given: Story['lines'];
  readonly java: readonly (readonly string[])[];
  /** Where the preset `correct` differs. */
  readonly correct?: readonly (readonly string[])[];
  /** Anomalies under java-4.23, `CODE event`; not checked when left out. */
  readonly odd?: readonly string[];
}

/** One test per case and preset. */
export function tellStories(cases: readonly StoryCase[]): void {
  describe.each(cases)('$why', ({ given, java, correct = java, odd, ...story }) => {
    test.each([
      { preset: 'java-4.23', expected: java },
      { preset: 'correct', expected: correct },
    ] as const)('$preset', ({ preset, expected }) => {
      const outputs = play({ ...story, lines: given, preset, days: expected.length });
      expect(billed(outputs).map((rows) => rows.toSorted())).toEqual(
        expected.map((rows) => rows.toSorted()),
      );
      if (odd !== undefined && preset === 'java-4.23') expect(anomalies(outputs)).toEqual(odd);
    });
  });
}
