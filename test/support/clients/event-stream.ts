/** What lies between two empty lines of a `text/event-stream`. Null: it has no such line. */
export interface StreamEvent {
  readonly text: string;
  readonly id: string | null;
  readonly event: string | null;
  readonly data: string | null;
  /** True of what clients never see: a comment, which keeps the connection alive. */
  readonly isComment: boolean;
}

/** Takes the bytes of a stream as they come, cut anywhere, and gives back what has become whole by them. */
export function eventReader(): (bytes: Uint8Array) => StreamEvent[] {
  // An event, and a character too, may come in two parts.
  const decoder = new TextDecoder();
  let rest = '';
  return (bytes) => {
    const texts = (rest + decoder.decode(bytes, { stream: true })).split('\n\n');
    rest = texts.pop() as string;
    return texts.map(read);
  };
}

function read(text: string): StreamEvent {
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1] ?? null;
  return { text, id: field('id'), event: field('event'), data: field('data'), isComment: text.startsWith(':') };
}

/** The events of an answer until it ends. Whoever stops reading closes it. */
export async function* eventsOf({ body }: Response): AsyncGenerator<StreamEvent, undefined> {
  const take = eventReader();
  for await (const bytes of body ?? []) yield* take(bytes as Uint8Array);
}
