import type { IncomingMessage } from 'node:http';
import type { OperationTypeNode } from 'graphql';
import { limitExceeded } from '../event/faults.js';
import { personOf, type Viewer } from '../graphql/viewer.js';
import { addressOf } from './address.js';
import { Allowance } from './allowance.js';
import type { GatewayLimits } from './limits.js';
import type { MutationBudget } from './mutation-budget.js';

/** Whether an operation may begin. Throws Fault LIMIT_EXCEEDED. */
export type Admit = (kind: `${OperationTypeNode}`) => Promise<void>;

/** One connection's place among the others, from when it came until `leave`. */
export interface Place {
  /**
   * Says whose it is, once that is known. `operations` tells how many it has now, those that are being opened too.
   * Throws Fault LIMIT_EXCEEDED.
   */
  claim(viewer: Viewer, operations: () => number): void;
  readonly admit: Admit;
  /** Idempotent. */
  leave(): void;
}

/** Who may come in and how much each may have, on this replica. */
export interface Admission {
  /** For a WebSocket or an event stream. Throws Fault LIMIT_EXCEEDED. */
  enter(request: IncomingMessage): Place;
  /** For a request that holds no place. */
  admits(request: IncomingMessage, viewer: Viewer): Admit;
  /** Where it comes from, as the proxies that are believed have told. */
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

  function admitting(person: string | null, address: string): Admit {
    return async (kind) => {
      if (kind === 'mutation') await mutations.spend(person ?? address);
      if (kind !== 'subscription' || person === null) return;
      const connections = [...(byPerson.get(person) ?? [])];
      const count = connections.reduce((sum, operations) => sum + operations(), 0);
      within('subscriptionsPerUser', count);
    };
  }

  function enter(request: IncomingMessage): Place {
    const address = addressOf(request, trustedHops);
    const neighbours = byAddress.get(address) ?? 0;
    within('connections', taken + 1);
    within('connectionsPerAddress', neighbours + 1);
    if (!arrivals.take()) throw limitExceeded('connectRate', limits.connectRate, limits.connectRate + 1);
    taken++;
    byAddress.set(address, neighbours + 1);
    let person: string | null = null;
    let own: (() => number) | null = null;
    let here = true;
    return {
      claim(viewer, operations) {
        person = personOf(viewer);
        // Gone meanwhile: nobody would take it off the list again.
        if (person === null || !here) return;
        const connections = byPerson.get(person) ?? new Set();
        within('connectionsPerUser', connections.size + 1);
        own = operations;
        byPerson.set(person, connections.add(operations));
      },
      admit: (kind) => admitting(person, address)(kind),
      leave() {
        if (!here) return;
        here = false;
        taken--;
        const left = (byAddress.get(address) as number) - 1;
        if (left === 0) byAddress.delete(address);
        else byAddress.set(address, left);
        if (person === null || own === null) return;
        const connections = byPerson.get(person) as Set<() => number>;
        connections.delete(own);
        if (connections.size === 0) byPerson.delete(person);
      },
    };
  }

  return {
    enter,
    addressOf: (request) => addressOf(request, trustedHops),
    admits: (request, viewer) => admitting(personOf(viewer), addressOf(request, trustedHops)),
  };
}
