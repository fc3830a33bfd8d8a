/** A browser's own, where there is one. */
declare const requestAnimationFrame: ((call: () => void) => number) | undefined;

/** Milliseconds after which it is done in any case: a page that is hidden draws no frames. */
const latest = 100;

/** Gives a function that, however often it is called, has `work` done once in a frame. */
export function batching(work: () => void): () => void {
  let waits = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function flush() {
    if (!waits) return;
    waits = false;
    clearTimeout(timer);
    work();
  }

  return () => {
    if (waits) return;
    waits = true;
    timer = setTimeout(flush, typeof requestAnimationFrame === 'function' ? latest : 0);
    if (typeof requestAnimationFrame === 'function') requestAnimationFrame(flush);
  };
}
