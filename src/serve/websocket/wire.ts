import type { IncomingMessage } from 'node:http';
import { CloseCode, type Message, MessageType } from 'graphql-ws';
import type { WebSocket } from 'ws';
import { type Fault, limitExceeded } from '../../event/faults.js';
import { writeJson } from '../../event/write-json.js';
import { isTooDeep } from '../../graphql/operation/bounds.js';
import type { Running } from '../../graphql/running/running.js';
import type { Frame } from '../../hub/frame.js';
import type { Observers } from '../../observe/observers.js';
import type { Connection } from '../connection/connection.js';
import { giveUp } from '../connection/opening.js';
import { renew } from '../connection/renew.js';
import { type OutletOwner, SocketOutlet } from '../connection/socket-outlet.js';
import type { LastWord, Wire } from '../connection/wire.js';
import type { Identity } from '../identity/identify.js';
import { bringsToken, renewalIn } from '../identity/payload.js';
import type { FairTurns } from '../limits/fair-turns.js';
import { Hearing, type HearingOwner } from './hearing.js';
import { isPong, messageOf, shortened } from './message.js';
import { nextMessages, textMessage } from './next-messages.js';
import { heartbeatOf } from './ping.js';

export interface WireParts {
  readonly identity: Identity;
  readonly observers: Observers;
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
 * One WebSocket from its handshake to its close: what is said on it, in both directions. A class and not closures, for the
 * reason that `Connection` is one.
 */
export class WebSocketWire implements Wire, OutletOwner, HearingOwner {
  /** Why the socket must close instead of being acknowledged. */
  refusal: Fault | null = null;
  /** The handshake, until it is known whose socket it is. Kept longer, its headers would be two KiB of every socket. */
  request: IncomingMessage | null;
  /** Bytes of the message that is being heard. */
  heardBytes = 0;
  readonly #outlet: SocketOutlet;
  readonly #hearing: Hearing;
  readonly #compress: boolean;
  #handle: (message: Message) => Promise<void> = async () => undefined;
  #heard = false;

  constructor(
    readonly connection: Connection,
    private readonly webSocket: WebSocket,
    request: IncomingMessage,
    private readonly parts: WireParts,
  ) {
    const { limits } = parts;
    this.request = request;
    this.#outlet = new SocketOutlet(request.socket, limits.socketBuffer, this);
    this.#hearing = new Hearing(webSocket, this.#outlet, this, limits);
    this.#compress = webSocket.extensions.includes('permessage-deflate');
  }

  // What an operation needs.

  /** Writes frames for the operation of this id, together with all else of this turn of the event loop. */
  next(frames: readonly Frame[], id: Uint8Array): void {
    this.#outlet.write(nextMessages(frames, id.length, this.#compress), id);
  }

  drained(): Promise<void> | null {
    return this.#outlet.drained();
  }

  /** Sends a ping, as `ping.ts` writes them. The client's answer is no message of its own. */
  ping(ping: string): void {
    this.#hearing.pinged();
    this.#write(ping);
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
        this.parts.observers.metrics.limited('initTimeout');
        now();
      };
      setImmediate(() => setImmediate(unlessHeard));
    }
  }

  onMessage(handle: (data: string) => Promise<void>): void {
    // The library takes a message that is parsed already, too (its `parseMessage`).
    this.#handle = handle as unknown as (message: Message) => Promise<void>;
  }

  /** A ping that brings a token asks for its renewal; any other gets its payload back. */
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
    this.connection.heard();
    if (!this.isOpen()) return;
    // A pong says no more than that someone is there: parsed and validated, its echo of all cursors would be thrown away.
    if (isPong(data)) this.#hearing.pong(data.length);
    else this.#hearing.message(data);
  }

  /** A ping or a pong of WebSocket itself. */
  heardFrame(): void {
    if (this.isOpen()) this.#hearing.frame();
  }

  // What its hearing needs.

  turn(): Promise<void> | null {
    return this.parts.turns.wait(this.connection.peer.address);
  }

  hear(data: Buffer): void {
    if (!this.isOpen()) return;
    const message = messageOf(data);
    if (!message) {
      this.#end(CloseCode.BadRequest, 'Invalid message received');
      return;
    }
    // The library tells nobody of a `complete` whose operation does not run yet.
    if (message.type === MessageType.Complete) giveUp(this.connection, message.id);
    this.heardBytes = data.length;
    this.#handle(message).catch((error: unknown) => this.#failed(error));
  }

  slowed(): void {
    this.parts.observers.metrics.slowed();
  }

  flooded(rate: number): void {
    this.#refuse(limitExceeded('messageRate', this.parts.limits.messageRate, rate));
  }

  // What its connection needs.

  get isOneWay(): boolean {
    return false;
  }

  isPaused(): boolean {
    return this.#hearing.isPaused();
  }

  isStuck(): boolean {
    return this.#outlet.isStuck();
  }

  waiting(): number {
    return this.#outlet.waiting() + this.#hearing.waiting();
  }

  beat(operations: Map<string, Running>): void {
    this.ping(heartbeatOf(operations));
  }

  silence(): void {
    this.#outlet.silence();
  }

  dismiss(last: LastWord): void {
    if (last.kind === 'expelled') this.#end(last.fault.close ?? CloseCode.Forbidden, last.fault.message);
    else if (last.kind === 'turned away') this.#end(1013, last.why);
    else this.#end(1001, 'Going away');
  }

  terminate(): void {
    this.webSocket.terminate();
  }

  // What its outlet needs.

  isOpen(): boolean {
    return this.webSocket.readyState === this.webSocket.OPEN;
  }

  holds(): void {
    this.connection.holds();
  }

  #failed(error: unknown): void {
    this.parts.observers.logger.error(
      { error: error instanceof Error ? error.stack : String(error) },
      'a message failed',
    );
    this.#end(1011, 'Internal server error');
  }

  #write(text: string): void {
    if (this.isOpen()) this.#outlet.write(textMessage(text), noId);
  }

  #end(code: number | undefined, reason: string | undefined): void {
    this.#outlet.aside(() => this.webSocket.close(code, shortened(reason)));
  }

  #refuse({ message, details }: Fault): void {
    this.parts.observers.metrics.limited(String(details.limit));
    this.#end(1013, message);
    // The socket is left open for its last word, but read no more: the flood goes on.
    this.#hearing.stop();
    setTimeout(() => this.webSocket.terminate(), lastWord).unref();
  }

  async #renewal(payload: Readonly<Record<string, unknown>> | undefined): Promise<object | undefined> {
    if (!bringsToken(payload)) return payload;
    const { identity, observers } = this.parts;
    const verify = async () => identity.authenticate({ ...nothing, authorization: renewalIn(payload) });
    return renew(this.connection, verify, observers.audit);
  }
}

/** A renewal's request: nothing beside its token. */
const nothing = { headers: {}, url: '', payload: null };
