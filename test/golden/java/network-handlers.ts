import type { FoldEvent } from '../../../src/contracts/fold.ts';
import {
  anyOpen,
  closeEach,
  detailOf,
  fitting,
  need,
  needAccount,
  opened,
  ownOpen,
} from './handler.ts';
import type { Handler, HandlerContext } from './handler.ts';
import type { HelperTable } from './java-tables.ts';

/** The columns of an address and of a user's name hold as many characters. */
const addressLength = 15;
const nameLength = 255;

/** Usage types 3, 10 to 14, 30 and 31. */
export const networkHandlers: Readonly<Record<string, Handler>> = {
  'NET.IPASSIGN'(ctx, event) {
    needAccount(ctx, event);
    const size = need(event.size);
    const address = fitting(ctx, need(event.resourceName), addressLength);
    const ip = event.resourceId ?? '0';
    const row = opened('ip', event, {
      resource: address,
      second: ip,
      isDefault: size === '1',
      isSystem: event.templateId !== null && event.templateId !== '0',
      isHidden: detailOf(event, 'hidden') === 'true',
    });
    ctx.tables.insert(row, ctx.keys === null ? [] : [`${ip} ${row.beginMs}`]);
  },
  'NET.IPRELEASE'(ctx, event) {
    const open = ctx.tables.openOf('ip', event.resourceName ?? '');
    const own = open.filter(({ accountId }) => accountId === event.accountId);
    closeEach(ctx, own, event.createdMs);
  },
  'LB.CREATE': add('lb'),
  'LB.DELETE': remove('lb'),
  'NET.RULEADD': add('pf'),
  'NET.RULEDELETE': remove('pf'),
  'NETWORK.OFFERING.ASSIGN': assign,
  'NETWORK.OFFERING.CREATE': assign,
  'NETWORK.OFFERING.REMOVE': unassign,
  'NETWORK.OFFERING.DELETE': unassign,
  'VPN.USER.ADD'(ctx, event) {
    needAccount(ctx, event);
    const open = ownOpen(ctx, 'vpn', event).filter(({ zoneId }) => zoneId === event.zoneId);
    if (open.length > 0) return;
    const name = fitting(ctx, event.resourceName, nameLength);
    ctx.tables.insert(opened('vpn', event, { name }));
  },
  'VPN.USER.REMOVE'(ctx, event) {
    needAccount(ctx, event);
    const open = ownOpen(ctx, 'vpn', event);
    if (open.some(({ zoneId }) => zoneId === event.zoneId)) closeEach(ctx, open, ctx.runMs);
  },
  'SG.ASSIGN'(ctx, event) {
    needAccount(ctx, event);
    ctx.tables.insert(opened('sg', event, { second: need(event.offeringId) }));
  },
  'SG.REMOVE'(ctx, event) {
    const group = need(event.offeringId);
    const open = ownOpen(ctx, 'sg', event).filter(({ second }) => second === group);
    closeEach(ctx, open, event.createdMs);
  },
  'NETWORK.CREATE'(ctx, event) {
    needAccount(ctx, event);
    if (anyOpen(ctx, 'network', event).length > 0) return;
    const offering = need(event.offeringId);
    ctx.tables.insert(opened('network', event, { offering, state: 'Allocated' }));
  },
  'NETWORK.UPDATE'(ctx, event) {
    needAccount(ctx, event);
    const offering = need(event.offeringId);
    closeEach(ctx, anyOpen(ctx, 'network', event), event.createdMs);
    ctx.tables.insert(opened('network', event, { offering, state: event.resourceType }));
  },
  'NETWORK.DELETE': (ctx, event) => closeEach(ctx, anyOpen(ctx, 'network', event), event.createdMs),
  'VPC.CREATE'(ctx, event) {
    needAccount(ctx, event);
    if (anyOpen(ctx, 'vpc', event).length === 0) ctx.tables.insert(opened('vpc', event));
  },
  'VPC.DELETE': (ctx, event) => closeEach(ctx, anyOpen(ctx, 'vpc', event), event.createdMs),
};

function add(table: HelperTable): Handler {
  return (ctx, event) => {
    needAccount(ctx, event);
    ctx.tables.insert(opened(table, event));
  };
}

function remove(table: HelperTable): Handler {
  return (ctx, event) => closeEach(ctx, ownOpen(ctx, table, event), event.createdMs);
}

function assign(ctx: HandlerContext, event: FoldEvent): void {
  needAccount(ctx, event);
  const offering = need(event.offeringId);
  const isDefault = need(event.size) === '1';
  ctx.tables.insert(opened('nic', event, { offering, isDefault, second: nicOf(event) }));
}

/** One NIC is asked for, and all of the VM on the offering are closed. */
function unassign(ctx: HandlerContext, event: FoldEvent): void {
  const offering = need(event.offeringId);
  const open = ownOpen(ctx, 'nic', event).filter((row) => row.offering === offering);
  if (open.some(({ second }) => second === nicOf(event))) closeEach(ctx, open, event.createdMs);
}

const nicOf = ({ resourceName }: FoldEvent): string =>
  resourceName !== null && /^\d{1,18}$/.test(resourceName) ? String(BigInt(resourceName)) : '0';
