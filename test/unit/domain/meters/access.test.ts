import { expect, test } from 'vitest';
import { dayMs, delayMs, hour, play, refusals } from '../../../support/fold-story.ts';
import type { Line } from '../../../support/fold-story.ts';
import { tellStories } from '../../../support/tell-stories.ts';

tellStories([
  {
    why: 'a load balancer rule is billed from creation to deletion',
    given: [
      ['LB.CREATE', hour, { id: 501 }],
      ['LB.DELETE', 3 * hour, { id: 501 }],
    ],
    java: [[`11:501 ${2 * hour + 1}`]],
    correct: [[`11:501 ${2 * hour}`]],
  },
  {
    why: 'a load balancer rule that is created twice is billed twice in java-4.23',
    given: [
      ['LB.CREATE', 0, { id: 501 }],
      ['LB.CREATE', 12 * hour, { id: 501 }],
    ],
    java: [[`11:501 ${36 * hour}`]],
    correct: [[`11:501 ${24 * hour}`]],
    odd: ['DOUBLE_OPEN 2'],
  },
  {
    why: 'a port forwarding rule is closed by its id, as its deletion carries zone 0',
    given: [
      ['NET.RULEADD', hour, { id: 511, zone: 2 }],
      ['NET.RULEDELETE', 3 * hour, { id: 511, zone: 0 }],
    ],
    java: [[`12:511 ${2 * hour + 1}`]],
    correct: [[`12:511 ${2 * hour}`]],
  },
  {
    why: 'a change of a rule bills nothing and is no anomaly',
    given: [['NET.RULEMODIFY', hour, { id: 511 }]],
    java: [[]],
    odd: [],
  },
  {
    why: 'a VPN user is billed to the end of the day on which it is removed, and 15 minutes more, in java-4.23',
    given: [
      ['VPN.USER.ADD', hour, { id: 521, zone: 0, name: 'ann' }],
      ['VPN.USER.REMOVE', 3 * hour, { id: 521, zone: 0, name: 'ann' }],
    ],
    java: [[`14:521 ${23 * hour}`], [`14:521 ${delayMs + 1}`], []],
    correct: [[`14:521 ${2 * hour}`], [], []],
  },
  {
    why: 'a VPN user that is there already is not added again',
    given: [
      ['VPN.USER.ADD', 0, { id: 521, zone: 0, name: 'ann' }],
      ['VPN.USER.ADD', hour, { id: 521, zone: 0, name: 'ann' }],
    ],
    java: [[`14:521 ${dayMs}`]],
    odd: ['DOUBLE_OPEN 2'],
  },
  {
    why: 'a security group is billed per VM that is in it',
    given: [
      ['SG.ASSIGN', 0, { id: 7, offering: 51 }],
      ['SG.ASSIGN', 0, { id: 7, offering: 52 }],
      ['SG.ASSIGN', 0, { id: 8, offering: 51 }],
      ['SG.REMOVE', hour, { id: 7, offering: 51 }],
    ],
    java: [[`10:51 ${hour + 1}`, `10:52 ${dayMs}`, `10:51 ${dayMs}`]],
    correct: [[`10:51 ${hour}`, `10:52 ${dayMs}`, `10:51 ${dayMs}`]],
  },
]);

test.each<{ line: Line; expected: object }>([
  {
    line: ['LB.CREATE', 0, { id: 501 }],
    expected: { description: 'Load Balancing Policy: 501 usage time', key: '501', zoneId: '1' },
  },
  {
    line: ['NET.RULEADD', 0, { id: 511, zone: 0 }],
    expected: { description: 'Port Forwarding Rule: 511 usage time', key: '511', zoneId: '0' },
  },
  {
    line: ['VPN.USER.ADD', 0, { id: 521, zone: 0, name: 'ann' }],
    expected: { description: 'VPN User: ann, Id: 521 usage time', key: '521VUann', zoneId: '0' },
  },
  {
    line: ['SG.ASSIGN', 0, { id: 7, offering: 51 }],
    expected: {
      description: 'Security Group: 51 for Vm : 7 usage time',
      key: '7SG51',
      vmInstanceId: '7',
      usageId: '51',
    },
  },
])('the row of $line.0 is as CloudStack writes it', ({ line, expected }) => {
  const [output] = play({ lines: [line] });
  expect(output?.rows).toMatchObject([
    { usageDisplay: '24 Hrs', type: null, size: null, ...expected },
  ]);
});

test.each(['SG.ASSIGN', 'SG.REMOVE'])('%s without a group is refused', (type) => {
  expect(refusals(play({ lines: [[type, 0, { id: 7 }]] }))).toEqual(['MISSING_VALUE 1']);
});
