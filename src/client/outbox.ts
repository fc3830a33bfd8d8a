/** What a gateway tells with its acknowledgement. One that tells nothing is sent everything at once. */
export interface Limits {
  readonly subscriptionsPerSocket?: number;
  readonly messageRate?: number;
}

export interface Outbox {
  /** `text` is asked for when its turn has come. */
  begin(id: string, text: () => string): void;
  /** It is over: the server has ended it, or is told so by this text, but not of one that has not begun. */
  end(id: string, text?: string): void;
  /** The socket is gone. */
  stop(): void;
}

/** A server counts one message for each so many bytes that are begun. */
const counted = 16_384;

/**
 * What is on its way to one socket, within its limits: what is beyond them waits here, where it can still be taken back.
 * Ends go before that, and count: Apollo begins what is new before it ends what is old.
 */
export function outboxOf(
  send: (text: string) => void,
  { subscriptionsPerSocket = 1 / 0, messageRate = 1 / 0 }: Limits = {},
): Outbox {
  const running = new Set<string>();
  const waiting = new Map<string, () => string>();
  /** In the second that began with the first message after a rest, and beyond the rate in those before. */
  let sent = 0;
  let second: ReturnType<typeof setTimeout> | undefined;

  function write(text: string) {
    sent += Math.ceil(text.length / counted);
    second ??= setTimeout(() => {
      second = undefined;
      sent = Math.max(0, sent - messageRate);
      flush();
    }, 1_000);
    send(text);
  }

  function flush() {
    for (const [id, text] of waiting) {
      if (sent >= messageRate || running.size >= subscriptionsPerSocket) break;
      waiting.delete(id);
      running.add(id);
      write(text());
    }
  }

  return {
    begin(id, text) {
      waiting.set(id, text);
      flush();
    },
    end(id, text) {
      waiting.delete(id);
      if (running.delete(id) && text) write(text);
      flush();
    },
    stop: () => clearTimeout(second),
  };
}
