import type { Page } from 'playwright-core';

/** Scrolls the list from one end to the other within a second, as a wheel that spins freely does; `times` over, there and back. */
export const scrollThrough = (page: Page, times: number): Promise<void> =>
  page.$eval(
    '.fleet .scroller',
    async (scroller, times) => {
      const whole = scroller.scrollHeight - scroller.clientHeight;
      const frame = () => new Promise<number>((resolve) => requestAnimationFrame(resolve));
      for (let time = 0; time < times; time++) {
        const begin = await frame();
        for (let part = 0; part < 1; ) {
          part = Math.min(1, ((await frame()) - begin) / 1_000);
          scroller.scrollTop = whole * (time % 2 === 0 ? part : 1 - part);
        }
      }
    },
    times,
  );

/** Holds the scrollbar by the mouse and moves it up and down for so many milliseconds. */
export async function dragScrollbar(page: Page, duration: number): Promise<void> {
  const box = await page.locator('.fleet .scroller').boundingBox();
  if (!box) throw new Error('there is no list');
  const x = box.x + box.width - 6;
  const top = box.y + 12;
  const way = box.height - 24;
  await page.mouse.move(x, top);
  await page.mouse.down();
  const begin = performance.now();
  for (let passed = 0; passed < duration; passed = performance.now() - begin)
    await page.mouse.move(x, top + (way * (1 - Math.cos((passed / 1_000) * Math.PI))) / 2);
  await page.mouse.up();
}
