export interface ProbeOptions {
  /** Publishes on a channel that the watched connection listens to, by another connection. */
  readonly publish: () => Promise<unknown>;
  /** How many messages the watched connection has heard. */
  readonly heard: () => number;
  /** Called when a message was published and, a whole interval later, none was heard. */
  readonly deaf: () => void;
  /** Milliseconds between two probes. */
  readonly every: number;
}

/**
 * Watches a pub/sub connection by the way that events take. It can stay silent while it answers PING: half open, or left
 * with a master that a failover has demoted. Whatever is heard counts, so a connection that is merely behind is left alone.
 */
export function startProbe({ publish, heard, deaf, every }: ProbeOptions) {
  /** What had been heard before the last message that was published; null while there is none to wait for. */
  let before: number | null = null;
  let probing = false;

  async function probe() {
    // After a pause of the process, what has arrived long since is read only now.
    await new Promise((resolve) => setImmediate(resolve));
    const isDeaf = before === heard();
    before = null;
    if (isDeaf) return deaf();
    const now = heard();
    await publish();
    before = now;
  }

  const timer = setInterval(async () => {
    if (probing) return;
    probing = true;
    // Where nothing could be published, nothing can be missed.
    await probe().catch(() => undefined);
    probing = false;
  }, every);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
