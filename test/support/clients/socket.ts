import { WebSocket } from 'ws';
import { eventually } from '../eventually.js';
import type { Result } from '../river.js';

/** A WebSocket without a client library: for what no well-made client would send. */
export function socket(wsUrl: string) {
  const messages: Result[] = [];
  const webSocket = new WebSocket(wsUrl, 'graphql-transport-ws');
  const opened = new Promise<void>((resolve, reject) => {
    webSocket.on('open', resolve);
    webSocket.on('error', reject);
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    webSocket.on('close', (code, reason) => resolve({ code, reason: String(reason) }));
  });
  webSocket.on('message', (data) => messages.push(JSON.parse(String(data))));
  const sendText = async (text: string | Uint8Array, options: { binary?: boolean } = {}) => {
    await opened;
    webSocket.send(text, { binary: false, ...options });
  };
  const send = (message: object) => sendText(JSON.stringify(message));
  const message = (type: string, id?: string) =>
    eventually(`a message ${type} ${id ?? ''}`, () => {
      return messages.find((found) => found.type === type && found.id === id) ?? null;
    });
  return {
    messages,
    closed,
    send,
    sendText,
    /** The first message of this type, and of this operation. */
    message,
    async init(payload?: object) {
      await send({ type: 'connection_init', ...(payload ? { payload } : {}) });
      await message('connection_ack');
    },
    subscribe: (id: string, payload: unknown) => send({ type: 'subscribe', id, payload } as object),
    isOpen: () => webSocket.readyState === WebSocket.OPEN,
    async [Symbol.asyncDispose]() {
      webSocket.on('error', () => undefined);
      webSocket.terminate();
    },
  };
}
