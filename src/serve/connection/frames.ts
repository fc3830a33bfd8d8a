import type { Frame } from '../../hub/frame.js';

/**
 * What a transport makes of frames, made once: a group hands the same list to all its seats, one right after the other,
 * so the last one is all there is to remember.
 */
export function once<F, T>(make: (frames: F) => T): (frames: F) => T {
  let last: F | null = null;
  let made: T;
  return (frames) => {
    if (frames !== last) made = make(frames);
    last = frames;
    return made;
  };
}

/** An execution result of GraphQL, with the frame's cursor and gap among its extensions. */
export function payloadOf({ rendered: { key, value, errors }, cursor, gap }: Frame): string {
  const wrong = errors === null ? '' : `"errors":${errors},`;
  const data = value === null ? 'null' : `{${key}:${value}}`;
  const told = gap === null ? '' : `,"gap":${JSON.stringify(gap)}`;
  const extensions = cursor === null ? '' : `,"extensions":{"cursor":"${cursor}"${told}}`;
  return `{${wrong}"data":${data}${extensions}}`;
}

/** Results of frames, made once for all transports. */
export const payloads = once((frames: readonly Frame[]): readonly string[] => frames.map(payloadOf));
