import { describe, expect, test } from 'vitest';
import { columnKind, connectJson, datetimeMs } from '../../../src/tail/column-types.ts';
import { jsonText } from '../../../src/tail/json-text.ts';

describe('kinds of column types', () => {
  test.each([
    ['bigint(20) unsigned', 'unsigned-bigint'],
    ['bigint unsigned', 'unsigned-bigint'],
    ['bigint(20)', 'number'],
    ['tinyint(1)', 'number'],
    ['int(10) unsigned', 'number'],
    ['varchar(255)', 'text'],
    ['char(40)', 'text'],
    ['mediumtext', 'text'],
    ['datetime', 'datetime-ms'],
    ['datetime(3)', 'datetime-ms'],
    ['datetime(6)', 'datetime-us'],
    ['decimal(10,2)', null],
    ['varbinary(16)', null],
    ['timestamp', null],
  ])('%s is %s', (type, kind) => expect(columnKind(type)).toBe(kind));
});

describe('values as Debezium writes them', () => {
  test.each([
    ['unsigned-bigint', '18446744073709551615', true, '-1'],
    ['unsigned-bigint', '9223372036854775807', true, '9223372036854775807'],
    ['unsigned-bigint', '9223372036854775808', true, '-9223372036854775808'],
    ['unsigned-bigint', '9007199254740993', true, '9007199254740993'],
    ['unsigned-bigint', 7, true, '7'],
    ['number', -1, true, '-1'],
    ['text', 'a"b\\c', true, '"a\\"b\\\\c"'],
    ['text', null, true, 'null'],
    ['datetime-ms', '2026-03-01 00:00:07', true, '1772323207000'],
    ['datetime-ms', '2026-03-01 00:00:07.25', true, '1772323207250'],
    ['datetime-us', '2026-03-01 00:00:07.123456', true, '1772323207123456'],
    ['datetime-us', '2026-03-01 00:00:07', true, '1772323207000000'],
    ['datetime-ms', '0000-00-00 00:00:00', true, 'null'],
    ['datetime-ms', '0000-00-00 00:00:00', false, '0'],
  ] as const)('%s %s (nullable %s) is %s', (kind, value, nullable, json) =>
    expect(connectJson(kind, value, nullable)).toBe(json),
  );
});

test.each(['0000-00-00 00:00:00', '2026-00-01 00:00:00', '', 'now'])('%s is no instant', (text) =>
  expect(datetimeMs(text)).toBeNull(),
);

test('text is escaped like Jackson: control characters and surrogates as capital \\uXXXX, the rest raw', () => {
  expect(jsonText('é😀\n\u001f\u007f/')).toBe('"é\\uD83D\\uDE00\\n\\u001F\u007f/"');
  for (const text of ['plain', 'q"\\', '\t\b\f\r\u0000', 'ünï😀😀', '\u2028'])
    expect(JSON.parse(jsonText(text))).toBe(text);
});
