import type { ServerHttp2Session } from 'node:http2';
import { Allowance } from '../limits/allowance.js';
import type { GatewayLimits } from '../limits/limits.js';

/** What RFC 9113 (section 6.5.2) recommends as the least. */
const requests = 100;

/**
 * Streams that a connection of HTTP/2 may have at once: as many event streams as one user may have, as many that come in their
 * place before Node has let go of those, and requests beside them. With fewer, a page that asks for one event stream too many is told
 * nothing: the stream hangs in its browser, and every other request of the page behind it.
 */
export function streamsAtOnce({
  connections,
  connectionsPerAddress,
  connectionsPerUser,
}: Pick<GatewayLimits, 'connections' | 'connectionsPerAddress' | 'connectionsPerUser'>): number {
  return 2 * Math.min(connections, connectionsPerAddress, connectionsPerUser) + requests;
}

/** What nghttp2 lets pass, where Node does not let it be set: before 23. */
const usual = { burst: 1_000, rate: 33 };
const isSet = Number.parseInt(process.versions.node, 10) >= 23;

/** Node's own bound of streams that are taken back: a page that scrolls may take back all it has every second, for ever. */
export const resetOptions = (streams: number) => ({ streamResetBurst: 10 * streams, streamResetRate: streams });

/**
 * Bounds the streams that a client takes back. Such a stream counts no more among those it may have, but has been work: a
 * thousand of them fit into one turn of the event loop (CVE-2023-44487), and only then does nghttp2 end it. A page that is left
 * takes back all it has, and nobody more than that in one turn.
 *
 * Where nghttp2's own bound cannot be set, it is reached by a page that scrolls for ten seconds, and then all its streams break. So
 * such a page is told in time to go on by another connection: what runs here goes on.
 */
export function boundResets(session: ServerHttp2Session, streams: number): void {
  const left = new Allowance(usual.rate, usual.burst);
  const reserve = Math.min(streams, usual.burst / 2);
  let inTurn = 0;
  const aborted = () => {
    if (inTurn++ === 0)
      setImmediate(() => {
        inTurn = 0;
      });
    if (inTurn > streams) session.destroy();
    if (isSet || session.closed) return;
    left.owe();
    // What is open now may be taken back too.
    if (left.until(reserve) > 0) session.close();
  };
  session.on('stream', (stream) => stream.on('aborted', aborted));
}
