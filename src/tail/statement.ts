import { capturedTables } from './captured-tables.ts';

/** What a statement in the binlog means for the transaction that it stands in. */
export type Statement =
  | { readonly kind: 'begin' | 'commit' | 'rollback' }
  | { readonly kind: 'xa-start' | 'xa-end' }
  /** `xid` as {@link xidKey} writes it. */
  | { readonly kind: 'xa-commit' | 'xa-rollback'; readonly xid: string }
  | { readonly kind: 'savepoint' | 'rollback-to'; readonly name: string }
  /** Changes rows that it names, without saying which. */
  | { readonly kind: 'write' }
  /** DDL and whatever else. */
  | { readonly kind: 'other' };

const comment = /^(?:\s|\/\*(?!M?!)[\s\S]*?\*\/|--[ \t][^\n]*(?:\n|$)|#[^\n]*(?:\n|$))+/;
const xa = /^xa\s+(start|begin|end|commit|rollback)\b\s*(.*)$/is;
const xid = /^x?'([0-9a-f]*)'(?:\s*,\s*x?'([0-9a-f]*)'(?:\s*,\s*(\d+))?)?/i;
const savepoint = /^(savepoint|rollback\s+to(?:\s+savepoint)?)\s+(\S[\s\S]*?)\s*;?$/i;

/**
 * Reads only what servers write themselves around the changes of a transaction; no DDL is parsed, so
 * none can stop the tail.
 */
export function parseStatement(query: string): Statement {
  // Clients put comments with their names before a statement.
  const text = query.replace(comment, '').trim();
  if (/^(begin|start\s+transaction)\b/i.test(text)) return { kind: 'begin' };
  if (/^commit\b/i.test(text)) return { kind: 'commit' };
  if (/^rollback\s*;?$/i.test(text)) return { kind: 'rollback' };
  const point = savepoint.exec(text);
  if (point) {
    const kind = /^savepoint/i.test(text) ? 'savepoint' : 'rollback-to';
    return { kind, name: point[2]!.replaceAll('`', '').toLowerCase() };
  }
  const [, verb = '', rest = ''] = xa.exec(text) ?? [];
  if (/^(start|begin)$/i.test(verb)) return { kind: 'xa-start' };
  if (/^end$/i.test(verb)) return { kind: 'xa-end' };
  if (verb !== '') {
    const [, gtrid = '', bqual = '', format = '1'] = xid.exec(rest) ?? [];
    const kind = /^commit$/i.test(verb) ? 'xa-commit' : 'xa-rollback';
    return { kind, xid: xidKey(Number(format), gtrid, bqual) };
  }
  const writes = /^(\/\*M?!\d*\s*)?(insert|update|delete|replace|load|with|set\s+statement)\b/i;
  return { kind: writes.test(text) ? 'write' : 'other' };
}

/** @param gtrid, bqual In hexadecimal digits. */
export const xidKey = (format: number, gtrid: string, bqual: string): string =>
  `${format}:${gtrid}:${bqual}`.toLowerCase();

/** @param schema The default schema of the session that ran it. */
export const namesCaptured = (query: string, schema: string, cloudSchema: string): boolean =>
  (schema === cloudSchema || query.includes(cloudSchema)) &&
  capturedTables.some(({ name }) => new RegExp(`\\b${name}\\b`, 'i').test(query));
