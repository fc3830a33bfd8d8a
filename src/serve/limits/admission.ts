import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { OperationTypeNode } from 'graphql';
import { limitExceeded } from '../../event/faults.js';
import { personOf, type Viewer } from '../../graphql/viewer.js';
import type { GatewayMetrics } from '../../observe/metrics.js';
import { addressOf } from './address.js';
import type { Admittance } from './admittance.js';
import { Allowance } from './allowance.js';
import type { FairTurns } from './fair-turns.js';
import type { GatewayLimits } from './limits.js';
import type { MutationBudget } from './mutation-budget.js';
import { People } from './people.js';
import { TakenPlace } from './place.js';

/** Whether an operation of so many root fields may begin. Throws Fault LIMIT_EXCEEDED. */
export type Admit = (kind: `${OperationTypeNode}`, roots: number) => Promise<void>;

/** One connection's place among the others, from when it came until `leave`. */
export interface Place {
  /** Says whose connection it is, once that is known. Throws Fault LIMIT_EXCEEDED. */
  claim(viewer: Viewer): void;
  /** Admits the only operation of a connection, now or not at all. It has room until the connection leaves. */
  admit(...asked: Parameters<Admit>): Promise<void>;
  /** The way in of one operation of several. What it brought has so many bytes, in case that it must wait. */
  admittance(bytes: number): Admittance;
  /** The subscription that came in by this admittance runs from now on. */
  began(admittance: Admittance): void;
  /** One that has run so has ended: its room is that of the next. */
  ended(): void;
  /** Bytes of what waits for room. */
  waiting(): number;
  /** All that runs here has ended, and what waits is given up. Idempotent. */
  clear(): void;
  /** The connection is gone. Idempotent. */
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
  /** Who is at the other end of a connection. Default: as its socket says. */
  readonly peerOf?: (socket: Socket) => string;
  readonly mutations: MutationBudget;
  readonly turns: FairTurns;
  readonly metrics: Pick<GatewayMetrics, 'waitedForRoom'>;
}

export function admissionOf({ limits, trustedHops, peerOf, mutations, turns, metrics }: AdmissionParts): Admission {
  const arrivals = new Allowance(limits.connectRate);
  const byAddress = new Map<string, number>();
  let taken = 0;

  function within(limit: keyof GatewayLimits, value: number): void {
    if (value > limits[limit]) throw limitExceeded(limit, limits[limit], value);
  }

  function left(address: string): void {
    taken--;
    const others = (byAddress.get(address) as number) - 1;
    if (others === 0) byAddress.delete(address);
    else byAddress.set(address, others);
  }

  const shared = { limits, mutations, turns, metrics, left, people: new People(limits) };
  return {
    enter(request) {
      const address = addressOf(request, trustedHops, peerOf);
      const neighbours = byAddress.get(address) ?? 0;
      within('connections', taken + 1);
      within('connectionsPerAddress', neighbours + 1);
      if (!arrivals.take()) throw limitExceeded('connectRate', limits.connectRate, limits.connectRate + 1);
      taken++;
      byAddress.set(address, neighbours + 1);
      return new TakenPlace(shared, address);
    },
    addressOf: (request) => addressOf(request, trustedHops, peerOf),
    admits(request, viewer) {
      return async (kind, roots) => {
        if (kind === 'mutation')
          await mutations.spend(personOf(viewer) ?? addressOf(request, trustedHops, peerOf), roots);
      };
    },
  };
}
