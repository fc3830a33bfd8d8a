import { useContext, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { type Document, type EventOf, textOf } from '../live/document.js';
import type { LiveClient, Subscriber } from '../live/subscriber.js';
import type { Connection } from '../status.js';
import { ClientContext } from './client-context.js';
import { type EventOptions, type EventStore, eventStore, type Gathered, nothing } from './event-store.js';
import { useConnectionOf } from './use-connection.js';

export interface UseEventsOptions<Event, Variables = unknown> extends EventOptions<Event, Variables> {
  /** The client, in place of the provider's. */
  readonly client?: Subscriber | LiveClient | undefined;
  /** True: nothing is subscribed to. What has come already stays. */
  readonly skip?: boolean | undefined;
}

export interface Events<Event> extends Gathered<Event> {
  /** How the connection is; null where the client does not tell it. */
  readonly connection: Connection | null;
  /** Forgets events, gap and error, and goes on. */
  clear(): void;
  /** Subscribes again, behind the last event: the way back from an error. */
  restart(): void;
}

const none = nothing();

/**
 * The events of a subscription, gathered, for as long as the component is mounted. Another document, other variables (by
 * value), another client, `keep` or name of `key` begin anew.
 *
 * Given a store of `eventStore`, shows and opens that one: several components may, and events outlive them all.
 */
export function useEvents<Event>(
  store: EventStore<Event>,
  options?: Pick<UseEventsOptions<Event>, 'skip'>,
): Events<Event>;
export function useEvents<Data = unknown, Variables = Record<string, unknown>>(
  document: Document<Data, Variables>,
  options?: UseEventsOptions<EventOf<Data>, Variables>,
): Events<EventOf<Data>>;
export function useEvents(
  source: EventStore<unknown> | Document<unknown, unknown>,
  options: UseEventsOptions<unknown> = {},
): Events<unknown> {
  const store = useStore(source, options);
  const gathered = useSyncExternalStore(store.subscribe, store.getSnapshot, () => none);
  const connection = useConnectionOf(store.client);
  const { skip = false } = options;
  useEffect(() => (skip ? undefined : store.open()), [store, skip]);
  return { ...gathered, connection, clear: store.clear, restart: store.restart };
}

function isStore(source: object | string): source is EventStore<unknown> {
  return typeof source === 'object' && 'getSnapshot' in source;
}

/** The store that was given, or one that lives as long as the component asks for the same. */
function useStore(
  source: EventStore<unknown> | Document<unknown, unknown>,
  options: UseEventsOptions<unknown>,
): EventStore<unknown> {
  const provided = useContext(ClientContext);
  const onEvent = useRef(options.onEvent);
  useEffect(() => {
    onEvent.current = options.onEvent;
  });
  const [held, hold] = useState<{ asked: readonly unknown[]; store: EventStore<unknown> } | null>(null);
  if (isStore(source)) return source;
  const client = options.client ?? provided;
  if (!client) throw new Error('useEvents needs a client: give it one, or put an EventsProvider around the page');
  const { variables, keep, key } = options;
  // A function is another one in each render, and asks for nothing else by that.
  const asked = [client, textOf(source), canonical(variables), keep, typeof key === 'function' || key];
  if (held && asked.every((part, at) => Object.is(part, held.asked[at]))) return held.store;
  const store = eventStore(client, source, {
    ...options,
    onEvent: (event, cursor) => onEvent.current?.(event, cursor),
  });
  hold({ asked, store });
  return store;
}

/** Equal for equal values, whatever the order of their fields. */
function canonical(value: unknown): string {
  return JSON.stringify(value ?? {}, (_, part) =>
    part && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  );
}
