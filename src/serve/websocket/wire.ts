import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { CloseCode, type Message } from 'graphql-ws';
import type { WebSocket } from 'ws';
import { type Fault, limitExceeded } from '../../event/faults.js';
import { writeJson } from '../../event/write-json.js';
import { isTooDeep } from '../../graphql/operation/bounds.js';
import type { Running } from '../../graphql/running/running.js';
import { nobody, type Viewer } from '../../graphql/viewer.js';
import type { Frame } from '../../hub/frame.js';
import type { Audit, Peer } from '../../observe/audit.js';
import type { Logger } from '../../observe/logger.js';
import type { GatewayMetrics } from '../../observe/metrics.js';
import { nextMessages, textMessage } from '../connection/frames.js';
import type { Beating, Heartbeats } from '../connection/heartbeats.js';
import { type Holder, renew } from '../connection/renew.js';
import type { Connection } from '../connection/retire.js';
import { type OutletOwner, SocketOutlet } from '../connection/socket-outlet.js';
import { atExpiry, expired } from '../identity/expiry.js';
import { bringsToken, type Identity, renewalIn } from '../identity/identify.js';
import type { Admission, Place } from '../limits/admission.js';
import type { FairTurns } from '../limits/fair-turns.js';
import { Hearing, type HearingOwner } from './hearing.js';
import { isPong, messageOf, shortened } from './message.js';
import { heartbeatOf } from './ping.js';

export interface SessionParts {
  readonly identity: Identity;
  readonly connections: Set<Connection>;
  /** Those for which something waits (`ProcessBuffer`). */
  readonly holding: Set<Connection>;
  readonly heartbeats: Heartbeats;
  readonly metrics: GatewayMetrics;
  readonly logger: Logger;
  readonly audit: Audit;
  readonly admission: Admission;
  readonly turns: FairTurns;
  readonly limits: {
    readonly jsonDepth: number;
    readonly messageBytes: number;
    readonly messageRate: number;
    readonly socketBuffer: number;
    readonly subscriptionsPerSocket: number;
  };
}

/** Milliseconds for a last word to get through. */
const lastWord = 1_000;

const noId = new Uint8Array(0);

/**
 * One WebSocket from its handshake to its close: its viewer, its operations, and what goes over it. A class and not
 * closures, because there are ten thousand of them and most are idle: each closure would be 60 bytes of each.
 */
export class Session implements Connection, Holder, Beating, OutletOwner, HearingOwner {
  /** From the moment each was opened: a renewal must reach also those that have not started yet. */
  readonly live = new Map<string, Running>();
  readonly peer: Peer;
  /** How many operations are being opened. */
  opening = 0;
  viewer: Viewer = nobody;
  renewing = false;
  /** Why the socket must close instead of being acknowledged. */
  refusal: Fault | null = null;
  /** Until it is known whose it is: it holds all headers, two KiB of them. */
  request: IncomingMessage | null;
  readonly #outlet: SocketOutlet;
  readonly #hearing: Hearing;
  readonly #compress: boolean;
  readonly #slot: number;
  #expiry: ReturnType<typeof atExpiry> | null = null;
  #handle: (message: Message) => Promise<void> = async () => undefined;
  #heard = false;
  #alive = true;

  constructor(
    private readonly webSocket: WebSocket,
    request: IncomingMessage,
    readonly place: Place,
    private readonly parts: SessionParts,
  ) {
    const { admission, connections, heartbeats, limits, metrics } = parts;
    this.request = request;
    this.peer = { transport: 'websocket', address: admission.addressOf(request), stream: randomUUID() };
    this.#outlet = new SocketOutlet(request.socket, limits.socketBuffer, this);
    this.#hearing = new Hearing(webSocket, this.#outlet, this, limits);
    this.#compress = webSocket.extensions.includes('permessage-deflate');
    connections.add(this);
    this.#slot = heartbeats.add(this);
    metrics.connected('websocket', 1);
  }

  // What an operation needs.

  /** Together with all else of this turn of the event loop. */
  next(frames: readonly Frame[], id: Uint8Array): void {
    this.#outlet.write(nextMessages(frames, id.length, this.#compress), id);
  }

  drained(): Promise<void> | null {
    return this.#outlet.drained();
  }

  /** As `ping.ts` writes them. The client's answer is no message of its own. */
  ping(ping: string): void {
    this.#hearing.pinged();
    this.#write(ping);
  }

  /** The id may be in use again already. */
  left(id: string, operation: Running): void {
    if (this.live.get(id) === operation) this.live.delete(id);
  }

  running(): Iterable<Running> {
    return this.live.values();
  }

  expires(at: number | null): void {
    if (at === null && !this.#expiry) return;
    this.#expiry ??= atExpiry(() => this.expel(expired()));
    this.#expiry.set(at);
  }

  // What graphql-ws needs of a socket.

  get protocol(): string {
    return this.webSocket.protocol;
  }

  send(text: string): Promise<void> | undefined {
    this.#write(text);
    return this.#outlet.drained() ?? undefined;
  }

  close(code?: number, reason?: string): void {
    const now = () => this.#end(this.refusal?.close ?? code, this.refusal?.message ?? reason);
    // Timers run before sockets are read: after a busy turn, when thousands come at once, an init that came in time
    // lies unread. At the end of this turn it has been read, and at the end of the next one heard.
    if (code !== CloseCode.ConnectionInitialisationTimeout) now();
    else {
      const unlessHeard = () => {
        if (this.#heard) return;
        this.parts.metrics.limited('initTimeout');
        now();
      };
      setImmediate(() => setImmediate(unlessHeard));
    }
  }

  onMessage(handle: (data: string) => Promise<void>): void {
    // It takes one that is parsed as well (`parseMessage`).
    this.#handle = handle as unknown as (message: Message) => Promise<void>;
  }

  /** One that brings a token asks for its renewal; any other gets its payload back. */
  async onPing(payload: Readonly<Record<string, unknown>> | undefined): Promise<void> {
    const { jsonDepth } = this.parts.limits;
    if (isTooDeep(payload, jsonDepth)) return this.#refuse(limitExceeded('jsonDepth', jsonDepth, jsonDepth + 1));
    this.#write(writeJson({ type: 'pong', payload: await this.#renewal(payload) }));
  }

  onPong(): void {
    this.#hearing.ponged();
  }

  // What the socket tells.

  heard(data: Buffer): void {
    this.#heard = true;
    this.#alive = true;
    if (!this.isOpen()) return;
    // It says no more than that someone is there: parsed and validated, its echo of all cursors would be thrown away.
    if (isPong(data)) this.#hearing.pong(data.length);
    else this.#hearing.message(data);
  }

  /** A ping or a pong of WebSocket itself. */
  heardFrame(): void {
    if (this.isOpen()) this.#hearing.frame();
  }

  /** To be called once, when the socket has closed. */
  closed(): void {
    const { connections, holding, heartbeats, metrics } = this.parts;
    heartbeats.remove(this, this.#slot);
    this.#expiry?.clear();
    connections.delete(this);
    holding.delete(this);
    metrics.connected('websocket', -1);
    for (const operation of this.live.values()) operation.close();
  }

  // What its hearing needs.

  turn(): Promise<void> | null {
    return this.parts.turns.wait(this.peer.address);
  }

  hear(data: Buffer): void {
    if (!this.isOpen()) return;
    const message = messageOf(data);
    if (message) this.#handle(message).catch((error: unknown) => this.#failed(error));
    else this.#end(CloseCode.BadRequest, 'Invalid message received');
  }

  slowed(): void {
    this.parts.metrics.slowed();
  }

  flooded(rate: number): void {
    this.#refuse(limitExceeded('messageRate', this.parts.limits.messageRate, rate));
  }

  // What the replica needs.

  beat(): void {
    const isStuck = this.#outlet.isStuck();
    // A full socket has no room for a ping: as long as it drains, someone reads. To the last one, which stands behind all
    // that they still have to read, an answer may come late.
    if (!isStuck && this.#outlet.drained()) {
      this.#alive = true;
      return;
    }
    // While it is not read it may have answered long ago, and when it is read again what lies before that comes first.
    const isPaused = this.#hearing.isPaused();
    if (isStuck || !(this.#alive || isPaused)) {
      this.terminate();
      return;
    }
    this.#alive = isPaused;
    this.ping(heartbeatOf(this.live));
  }

  isOpen(): boolean {
    return this.webSocket.readyState === this.webSocket.OPEN;
  }

  holds(): void {
    this.parts.holding.add(this);
  }

  waiting(): number {
    return this.#outlet.waiting() + this.#hearing.waiting();
  }

  turnAway(why: string): void {
    this.#end(1013, why);
  }

  silence(): void {
    this.#outlet.silence();
  }

  expel({ close, message }: Fault): void {
    this.#end(close ?? CloseCode.Forbidden, message);
  }

  retire(): void {
    this.#end(1001, 'Going away');
  }

  terminate(): void {
    this.webSocket.terminate();
  }

  #failed(error: unknown): void {
    this.parts.logger.error({ error: error instanceof Error ? error.stack : String(error) }, 'a message failed');
    this.#end(1011, 'Internal server error');
  }

  #write(text: string): void {
    if (this.isOpen()) this.#outlet.write(textMessage(text), noId);
  }

  #end(code: number | undefined, reason: string | undefined): void {
    this.#outlet.aside(() => this.webSocket.close(code, shortened(reason)));
  }

  #refuse({ message, details }: Fault): void {
    this.parts.metrics.limited(String(details.limit));
    this.#end(1013, message);
    // Left open for a last word, but read no more: the flood goes on.
    this.#hearing.stop();
    setTimeout(() => this.webSocket.terminate(), lastWord).unref();
  }

  async #renewal(payload: Readonly<Record<string, unknown>> | undefined): Promise<object | undefined> {
    if (!bringsToken(payload)) return payload;
    const { identity, audit } = this.parts;
    const verify = async () => identity.authenticate({ ...nothing, authorization: renewalIn(payload) });
    return renew(this, verify, { identity, audit });
  }
}

/** A renewal is by its token alone. */
const nothing = { headers: {}, url: '', payload: null };
