import { expect, test } from 'vitest';
import type { AuditReport } from '../../../src/cli/audit/audit-report.ts';
import { reportHtml } from '../../../src/cli/audit/report-html.ts';
import { reportText } from '../../../src/cli/audit/report-text.ts';

const count = { of: '3', kind: 'duplicate', rows: 51, charged: 2 };
const report: AuditReport = {
  ...{ schema: 'cloud_usage', rangeMinutes: 1440, billedToMs: 86_400_000, accounts: 4 },
  billed: { from: '1970-01-01 00:00:00', to: '1970-01-01 23:59:59' },
  isDamaged: true,
  rows: { checked: 140, right: 57 },
  ...{ byKind: [count], byAccount: [count], byType: [], byWindow: [], byJob: [] },
  helperTables: [{ of: 'usage_volume', kind: 'lost-open', rows: 1, charged: 0 }],
  jobs: { overlapping: 0, listed: [], bogus: 0 },
  events: {
    stuck: { count: 0, first: null, last: null, byType: [] },
    poison: null,
  },
  toSettle: {
    credits: [{ accountId: '3', rows: 2, amount: '1.50000000' }],
    corrections: [
      {
        ...{ accountId: '3', windowStart: '1970-01-01 00:00:00', usageType: '1' },
        ...{ description: '<script>alert("&")</script>', billed: null, correct: '24' },
      },
    ],
    correctionCount: 1,
  },
  facts: [{ code: 'LATE_ID_LOSS', text: 'a row was lost' }],
  examples: { duplicate: [{ description: "<img src='x'>" }] },
};

test('the page escapes every text of the tables, runs nothing and loads nothing', () => {
  const page = reportHtml(report);
  expect(page).toContain('&lt;script&gt;alert(&quot;&amp;&quot;)&lt;/script&gt;');
  expect(page).toContain('&lt;img src=&#39;x&#39;&gt;');
  expect(page).not.toMatch(/<script|<img|<link|https?:/);
  expect(page).toContain("default-src 'none'");
});

test('the text says what is damaged, what is owed and what is explained', () => {
  const text = reportText(report).join('\n');
  expect(text).toMatch(/^damaged/);
  expect(text).toContain('51 duplicate (2 charged by quota): equal to a row that is kept');
  expect(text).toContain('usage_volume: 1 lost-open: an opening event has left no row');
  expect(text).toContain('account 3: credit 1.50000000 for 2 charged rows');
  expect(text).toContain('LATE_ID_LOSS: a row was lost');
  expect(reportText({ ...report, isDamaged: false })[0]).toBe('clean');
});
