import type { IncomingMessage } from 'node:http';
import type { OperationTypeNode } from 'graphql';
import { limitExceeded } from '../../event/faults.js';
import { personOf, type Viewer } from '../../graphql/viewer.js';
import { addressOf } from './address.js';
import { Allowance } from './allowance.js';
import type { GatewayLimits } from './limits.js';
import type { MutationBudget } from './mutation-budget.js';

/** Whether an operation of so many root fields may begin. Throws Fault LIMIT_EXCEEDED. */
export type Admit = (kind: `${OperationTypeNode}`, roots: number) => Promise<void>;

/** One connection's place among the others, from when it came until `leave`. */
export interface Place {
  /**
   * Says whose connection it is, once that is known. `operations` tells how many it has now, those that are being opened too.
   * Throws Fault LIMIT_EXCEEDED.
   */
  claim(viewer: Viewer, operations: () => number): void;
  admit(...asked: Parameters<Admit>): Promise<void>;
  /** Idempotent. */
  leave(): void;
}

/** Who may come in and how much each may have, on this replica. */
export interface Admission {
  /** Gives a WebSocket or an event stream its place. Throws Fault LIMIT_EXCEEDED. */
  enter(request: IncomingMessage): Place;
  /** Admits what is asked by a request that holds no place. */
  admits(request: IncomingMessage, viewer: Viewer): Admit;
  /** Where a request comes from, as the proxies that are believed have told. */
  addressOf(request: IncomingMessage): string;
}

export interface AdmissionParts {
  readonly limits: GatewayLimits;
  /** How many proxies in front are believed. */
  readonly trustedHops: number;
  readonly mutations: MutationBudget;
}

export function admissionOf({ limits, trustedHops, mutations }: AdmissionParts): Admission {
  const arrivals = new Allowance(limits.connectRate);
  const byAddress = new Map<string, number>();
  /** Per person, what tells the operations of each of their connections: added up when asked, so that no sum can drift. */
  const byPerson = new Map<string, Set<() => number>>();
  let taken = 0;

  function within(limit: keyof GatewayLimits, value: number): void {
    if (value > limits[limit]) throw limitExceeded(limit, limits[limit], value);
  }

  async function admit(person: string | null, address: string, ...[kind, roots]: Parameters<Admit>): Promise<void> {
    if (kind === 'mutation') await mutations.spend(person ?? address, roots);
    if (kind !== 'subscription' || person === null) return;
    let count = 0;
    for (const operations of byPerson.get(person) ?? []) count += operations();
    within('subscriptionsPerUser', count);
  }

  function enter(request: IncomingMessage): Place {
    const address = addressOf(request, trustedHops);
    const neighbours = byAddress.get(address) ?? 0;
    within('connections', taken + 1);
    within('connectionsPerAddress', neighbours + 1);
    if (!arrivals.take()) throw limitExceeded('connectRate', limits.connectRate, limits.connectRate + 1);
    taken++;
    byAddress.set(address, neighbours + 1);
    return new Taken(address);
  }

  class Taken implements Place {
    #person: string | null = null;
    #operations: (() => number) | null = null;
    #here = true;

    constructor(private readonly address: string) {}

    claim(viewer: Viewer, operations: () => number): void {
      this.#person = personOf(viewer);
      // A connection that is gone meanwhile is not listed: nobody would take it off again.
      if (this.#person === null || !this.#here) return;
      const connections = byPerson.get(this.#person) ?? new Set();
      within('connectionsPerUser', connections.size + 1);
      this.#operations = operations;
      byPerson.set(this.#person, connections.add(operations));
    }

    admit(...asked: Parameters<Admit>): Promise<void> {
      return admit(this.#person, this.address, ...asked);
    }

    leave(): void {
      if (!this.#here) return;
      this.#here = false;
      taken--;
      const left = (byAddress.get(this.address) as number) - 1;
      if (left === 0) byAddress.delete(this.address);
      else byAddress.set(this.address, left);
      if (this.#person === null || this.#operations === null) return;
      const connections = byPerson.get(this.#person) as Set<() => number>;
      connections.delete(this.#operations);
      if (connections.size === 0) byPerson.delete(this.#person);
    }
  }

  return {
    enter,
    addressOf: (request) => addressOf(request, trustedHops),
    admits(request, viewer) {
      return (...asked) => admit(personOf(viewer), addressOf(request, trustedHops), ...asked);
    },
  };
}
