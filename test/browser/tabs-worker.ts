import { liveClient } from '../../src/client/live/index.js';
import { serveTabs } from '../../src/client/shared-worker/index.js';

// The worker of these tabs; the gateway's address is in its own.

declare const self: {
  readonly location: { readonly href: string };
  close(): void;
  addEventListener(
    type: 'connect',
    listener: (event: {
      ports: [{ addEventListener(type: 'message', heard: (event: { data: unknown }) => void): void }];
    }) => void,
  ): void;
};

const url = new URL(self.location.href).searchParams.get('url') as string;
serveTabs(({ token }) => liveClient({ url, token }));

self.addEventListener('connect', ({ ports: [port] }) =>
  port.addEventListener('message', ({ data }) => {
    if (data === 'end') self.close();
  }),
);
