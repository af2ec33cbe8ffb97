import { expect, test } from 'vitest';
import { Flow } from '../../../src/tail/flow.ts';

function flowing() {
  const line = { isPaused: false };
  const connection = {
    pause: () => void (line.isPaused = true),
    resume: () => void (line.isPaused = false),
  };
  return { line, flow: new Flow(() => connection) };
}

test('the connection goes on only when there is room and nothing is being unpacked', () => {
  const { line, flow } = flowing();
  flow.full(10);
  flow.beginUnpacking();
  flow.roomy();
  expect(line.isPaused).toBe(true);
  flow.full(20);
  flow.endUnpacking();
  expect(line.isPaused).toBe(true);
  // The library lets it go on by itself.
  line.isPaused = false;
  flow.keep();
  expect(line.isPaused).toBe(true);
  flow.roomy();
  expect(line.isPaused).toBe(false);
});

test('since when there is no room is the time of the first that found none', () => {
  const { flow } = flowing();
  flow.full(10);
  flow.full(20);
  expect(flow.fullSinceMs).toBe(10);
  flow.roomy();
  expect(flow.fullSinceMs).toBeNull();
});

test('who waits for room goes on when there is some, and when all is over', async () => {
  const { line, flow } = flowing();
  await flow.room();
  flow.full(1);
  const waiting = flow.room();
  flow.roomy();
  await waiting;
  flow.full(2);
  const last = flow.room();
  flow.close();
  await last;
  flow.roomy();
  expect(line.isPaused).toBe(true);
});
