import { expect, test } from 'vitest';
import { AccountBook } from '../../../src/aggregate/account-book.ts';
import { toPending } from '../../../src/aggregate/account-entry.ts';
import { u64 } from '../../../src/contracts/ids.ts';
import type { AccountId } from '../../../src/contracts/ids.ts';
import type { UsageEvent } from '../../../src/contracts/feed-record.ts';
import { event, start } from '../../support/aggregate-feed.ts';

const pending = (id: number, createdMs: number) =>
  toPending(event(id, 'VM.START', '1', createdMs, null).json['event'] as UsageEvent, 0, id);
const id = (text: string) => u64<AccountId>(text);

test('accounts come in the order of their numbers', () => {
  const book = new AccountBook(1e6);
  for (const one of ['10', '9', '18446744073709551615', '1']) book.addNew(id(one));
  expect(book.inOrder().map((entry) => entry.id)).toEqual(['1', '9', '10', '18446744073709551615']);
});

test('over its budget the book lets go, and still knows when the oldest waiting event is', () => {
  const book = new AccountBook(20_000);
  for (let account = 1; account <= 10; account++) {
    const entry = book.addNew(id(String(account)));
    for (let at = 0; at < 10; at++) book.addEvent(entry, pending(account * 10 + at, start + at));
  }
  expect(book.isOver).toBe(true);
  book.trim();
  expect(book.isOver).toBe(false);
  const gone = book.inOrder().filter((entry) => entry.pending === null);
  expect(gone.length).toBeGreaterThan(0);
  for (const entry of gone) {
    expect(entry.oldestPendingMs).toBe(start);
    book.addEvent(entry, pending(1000, start - 5));
    expect(entry).toMatchObject({ pending: null, bytes: 0, oldestPendingMs: start - 5 });
  }
});

test('what comes for a quiet account wakes it', () => {
  const book = new AccountBook(1e6);
  const entry = book.addNew(id('1'));
  entry.quiet = true;
  book.addDetail(entry, '5', { id: u64(1), name: 'cpuNumber', value: '2' });
  expect(entry.quiet).toBe(false);
});

test('details beyond what is held are left to the table', () => {
  const book = new AccountBook(1e9);
  const entry = book.addNew(id('1'));
  for (let at = 0; at < 300; at++)
    book.addDetail(entry, String(at), { id: u64(at), name: 'a', value: 'b' });
  expect(entry.details).toBeNull();
});
