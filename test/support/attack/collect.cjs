// Loaded into a process whose memory is to be measured: at SIGUSR2 it lets go of all that it needs no more, and says so.
// V8 collects when it has to, and not when others look; and what lies behind a socket goes a layer each time.
let times = 0;
process.on('SIGUSR2', async () => {
  for (let n = 0; n < 8; n++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  process.stderr.write(`collected ${++times} times\n`);
});
