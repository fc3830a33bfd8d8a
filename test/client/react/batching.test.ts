import { afterEach, expect, test } from 'vitest';
import { batching } from '../../../src/client/react/batching.js';
import { eventually } from '../../support/eventually.js';

const page = globalThis as { requestAnimationFrame?: ((draw: () => void) => number) | undefined };
afterEach(() => {
  delete page.requestAnimationFrame;
});

test('what came together is shown in one frame, and what comes later in another', () => {
  const frames: (() => void)[] = [];
  page.requestAnimationFrame = (draw) => frames.push(draw);
  let shown = 0;
  const soon = batching(() => void shown++);
  soon();
  soon();
  expect([shown, frames.length]).toEqual([0, 1]);
  frames[0]?.();
  expect(shown).toBe(1);
  soon();
  frames[1]?.();
  expect([shown, frames.length]).toEqual([2, 2]);
});

test('a page that is hidden draws no frames, and is up to date all the same; its late frame shows nothing twice', async () => {
  const frames: (() => void)[] = [];
  page.requestAnimationFrame = (draw) => frames.push(draw);
  let shown = 0;
  const soon = batching(() => void shown++);
  soon();
  await eventually('it is shown', () => shown === 1);
  soon();
  await eventually('and again', () => shown === 2);
  for (const draw of frames) draw();
  expect(shown).toBe(2);
});
