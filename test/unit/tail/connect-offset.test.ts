import { fc } from '../../support/fast-check.ts';
import { describe, expect, test } from 'vitest';
import { decodeOffsetFile, encodeOffsetFile } from '../../../src/tail/connect-offset-file.ts';
import {
  offsetKey,
  parseOffsetRecord,
  parseRestForm,
  requireNoSnapshot,
  restForm,
} from '../../../src/tail/connect-offset.ts';

const offset = { file: 'binlog.000001', pos: 1234, gtids: '0-1-2', event: 2, row: 1, server_id: 1 };
const given = { connector: 'c', server: 'acs', offset };

describe('the offset of a connector', () => {
  test('has the key that Connect writes', () => {
    expect(offsetKey(given)).toBe('["c",{"server":"acs"}]');
  });

  test('is read from what was written, in both forms', () => {
    expect(parseRestForm(restForm(given), 'c')).toEqual(given);
    expect(parseOffsetRecord(offsetKey(given), JSON.stringify(offset))).toEqual(given);
  });

  test.each([
    { snapshot: 'INITIAL' },
    { snapshot: true },
    { incremental_snapshot_collections: 'x' },
  ])('within a snapshot is refused: %o', (more) => {
    expect(() => requireNoSnapshot({ ...offset, ...more })).toThrow(
      expect.objectContaining({ code: 'OFFSETS_REFUSED' }),
    );
    expect(() => requireNoSnapshot(offset)).not.toThrow();
  });

  test.each(['', '[]', '{"offsets":[]}', '{"offsets":[{"partition":{"server":"a"},"offset":{}}]}'])(
    'that is none is refused: %s',
    (text) => {
      expect(() => parseRestForm(text, 'c')).toThrow(
        expect.objectContaining({ code: 'OFFSETS_REFUSED' }),
      );
    },
  );
});

describe("the file of Connect's standalone mode", () => {
  test('is read from what was written', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string()), (entries) => {
        const map = new Map(Object.entries(entries));
        expect(decodeOffsetFile(encodeOffsetFile(map))).toEqual(map);
      }),
    );
  });

  test.each(['', 'text', 'aced000573720011'])('is refused when it is none: %s', (hex) => {
    expect(() => decodeOffsetFile(Buffer.from(hex, 'hex'))).toThrow(
      expect.objectContaining({ code: 'OFFSETS_REFUSED' }),
    );
  });
});
