import { constants, type Http2Session } from 'node:http2';

/** The last stream that there can be. */
const lastOfAll = 2 ** 31 - 1;

/** Sessions that were told. */
const told = new WeakSet<Http2Session>();

/**
 * Tells a client of HTTP/2 to come by another connection: what runs here goes on, and the session closes with it. Idempotent.
 *
 * It is told before the session closes, and that waits until a ping shows that the client knows (RFC 9113, section 6.8): a session
 * that just closes refuses the streams that are on their way at that moment.
 */
export function goAway(session: Http2Session): void {
  if (told.has(session) || session.closed || session.destroyed) return;
  told.add(session);
  session.goaway(constants.NGHTTP2_NO_ERROR, lastOfAll);
  const close = () => session.close();
  // False where too many pings are on their way.
  if (!session.ping(close)) close();
}
