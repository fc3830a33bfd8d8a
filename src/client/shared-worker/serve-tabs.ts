import type { LiveClient } from '../live/subscriber.js';
import { sourceOf, type TokenSource } from '../token-source.js';
import { held, type Locks, webLocks, whenGone } from './lifetime.js';
import type { FromPage, FromWorker, Port } from './messages.js';
import { Places } from './places.js';
import { Tab } from './tab.js';

/** For whom a client is made. */
export interface Viewer {
  /** As the pages name it. */
  readonly name: string;
  /** Asks a page of this viewer for a token, the newest first. Rejects where none has one. Pages are told which were refused. */
  readonly token: TokenSource;
}

type PagePort = Port<FromPage, FromWorker>;

/** A SharedWorker's own scope, as far as it is used here. */
export interface WorkerScope {
  onconnect: ((event: { readonly ports: readonly PagePort[] }) => void) | null;
}

/** Milliseconds after which the next page is asked for a token as well: a gateway waits 3 s for the first message. */
const alone = 1_000;

interface Desk {
  readonly client: LiveClient;
  readonly tabs: Set<Tab>;
  readonly places: Places;
}

/**
 * All that a SharedWorker does: it has one client for each viewer, and gives every page the subscriptions that it asks
 * for. A client is disposed of with its last page.
 *
 *     serveTabs(({ token }) => liveClient({ url: 'wss://events.example.com/graphql', token }));
 */
export function serveTabs(clientFor: (viewer: Viewer) => LiveClient): void {
  const scope = globalThis as unknown as WorkerScope;
  const locks = webLocks();
  // A page that gets no welcome goes on by itself.
  if (locks) serve(clientFor, scope, locks);
}

export function serve(
  clientFor: (viewer: Viewer) => LiveClient,
  scope: WorkerScope,
  locks: Locks,
  patience: number = alone,
): void {
  const desks = new Map<string, Desk>();
  const own = held(locks, 'worker');

  function open(name: string): Desk {
    const tabs = new Set<Tab>();
    const client = clientFor({ name, token: tokenOf(tabs, patience) });
    const desk = { client, tabs, places: new Places() };
    desks.set(name, desk);
    return desk;
  }

  function leave(name: string, desk: Desk, tab: Tab) {
    tab.gone();
    desk.tabs.delete(tab);
    if (desk.tabs.size > 0) return;
    desks.delete(name);
    desk.client.dispose();
  }

  async function welcome(port: PagePort, viewer: string, lock: string) {
    const { name } = await own;
    const desk = desks.get(viewer) ?? open(viewer);
    port.postMessage({ type: 'welcome', lock: name });
    const tab = new Tab(port, desk.client, desk.places);
    desk.tabs.add(tab);
    port.onmessage = ({ data }) => tab.heard(data);
    whenGone(locks, lock, () => leave(viewer, desk, tab));
  }

  scope.onconnect = ({ ports: [port] }) => {
    if (!port) return;
    port.onmessage = ({ data }) => {
      if (data.type === 'hello') void welcome(port, data.viewer, data.lock);
    };
  };
}

/** The pages' own sources, as one. A page may hang over its token: the next is asked meanwhile, and who owes an answer last. */
function tokenOf(tabs: ReadonlySet<Tab>, patience: number): TokenSource {
  const refused = (token: unknown) => {
    for (const tab of tabs) tab.refused(String(token));
  };
  const source = async () => {
    const answers: Promise<string>[] = [];
    const first = () => Promise.any(answers).catch(() => null);
    for (const tab of [...tabs].reverse().sort((one, other) => one.owes - other.owes)) {
      answers.push(tab.token().then((token) => token ?? Promise.reject()));
      const soon = new Promise<null>((resolve) => setTimeout(resolve, patience, null));
      const token = await Promise.race([first(), soon]);
      if (token !== null) return token;
    }
    const token = await first();
    if (token === null) throw new Error('No page has a token');
    return token;
  };
  return sourceOf(source, refused);
}
