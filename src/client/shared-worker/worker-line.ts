import type { Request, Sink, Subscriber } from '../live/subscriber.js';
import type { FromPage, FromWorker, Port } from './messages.js';

/** A request, and the name under which all tabs know how far it has come. */
export interface Placed extends Request {
  readonly place?: string | null;
}

/** Milliseconds that what was shown waits to be told: one message then does for many events. */
const gathered = 100;

/** The page's end of the port: subscriptions over the worker, until it is gone. */
export class WorkerLine implements Subscriber {
  readonly #sinks = new Map<number, Sink>();
  readonly #shown = new Map<number, string>();
  #last = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly port: Pick<Port<FromWorker, FromPage>, 'postMessage'>) {}

  subscribe({ place = null, ...request }: Placed, sink: Sink): () => void {
    const id = ++this.#last;
    this.#sinks.set(id, sink);
    this.port.postMessage({ type: 'subscribe', id, request, place });
    return () => {
      this.#tellShown();
      if (this.#sinks.delete(id)) this.port.postMessage({ type: 'leave', id });
    };
  }

  heard(message: FromWorker): void {
    if (!('id' in message)) return;
    const { id } = message;
    const sink = this.#sinks.get(id);
    if (!sink) return;
    if (message.type === 'next') {
      sink.next(message.result);
      this.#shows(id, sink, message.result.extensions?.cursor);
    } else if (message.type === 'cursor') this.#shows(id, sink, message.cursor);
    else if (message.type === 'gap') sink.gap?.(message.gap);
    else if (message.type === 'ready') sink.ready?.();
    else this.#end(message, sink);
  }

  #end(message: Extract<FromWorker, { readonly type: 'error' | 'complete' }>, sink: Sink) {
    this.#sinks.delete(message.id);
    if (message.type === 'complete') sink.complete();
    else sink.error(message.errors ?? new Error(message.reason));
  }

  /** Only what has reached its sink counts: what a page was sent and died over was shown to nobody. */
  #shows(id: number, sink: Sink, cursor: string | undefined) {
    if (cursor === undefined) return;
    sink.cursor?.(cursor);
    this.#shown.set(id, cursor);
    this.#timer ??= setTimeout(() => this.#tellShown(), gathered);
  }

  #tellShown() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#shown.size > 0) this.port.postMessage({ type: 'shown', cursors: [...this.#shown] });
    this.#shown.clear();
  }
}
