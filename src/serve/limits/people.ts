import { limitExceeded } from '../../event/faults.js';
import type { GatewayLimits } from './limits.js';
import { Room } from './room.js';

/** One user, for as long as they have a connection. */
export interface Person {
  readonly name: string;
  connections: number;
  /** For the subscriptions of all their connections. */
  readonly subscriptions: Room;
}

/** Who is connected to this replica, by the name that a token gives them. */
export class People {
  readonly #here = new Map<string, Person>();

  constructor(private readonly limits: Pick<GatewayLimits, 'connectionsPerUser' | 'subscriptionsPerUser'>) {}

  /** One more connection of this person. Throws Fault LIMIT_EXCEEDED. */
  join(name: string): Person {
    const { connectionsPerUser: most, subscriptionsPerUser } = this.limits;
    const person = this.#here.get(name) ?? {
      name,
      connections: 0,
      subscriptions: new Room('subscriptionsPerUser', subscriptionsPerUser),
    };
    if (person.connections >= most) throw limitExceeded('connectionsPerUser', most, person.connections + 1);
    person.connections++;
    this.#here.set(name, person);
    return person;
  }

  /** One connection fewer, whose subscriptions have left. With the last one goes the person, and whatever was counted of them. */
  leave(person: Person): void {
    if (--person.connections === 0) this.#here.delete(person.name);
  }
}
