import { gql, type TypedDocumentNode } from '@apollo/client';

/** What the sample's schema.graphql says of both topics. In a larger app graphql-codegen writes these types. */
export interface Vehicle {
  readonly id: string;
  readonly label: string;
  readonly line: string;
  readonly bearing: number | null;
  /** Metres a second. */
  readonly speed: number | null;
  readonly status: 'INCOMING_AT' | 'STOPPED_AT' | 'IN_TRANSIT_TO' | null;
  /** Seconds since 1970. */
  readonly time: number;
}

export interface Payment {
  readonly id: string;
  readonly amount: number;
  readonly currency: string;
  readonly status: 'AUTHORIZED' | 'SETTLED' | 'DECLINED';
  readonly merchant: { readonly name: string; readonly category: string };
  /** ISO 8601. */
  readonly createdAt: string;
}

export const FLEET: TypedDocumentNode<{ vehicle: Pick<Vehicle, 'id'> }> = gql`
  subscription Fleet {
    vehicle {
      id
    }
  }
`;

/** `rewind: 1`: a row that scrolls into view begins with the vehicle's last position, and not empty. */
export const VEHICLE: TypedDocumentNode<{ vehicle: Vehicle }, { id: string }> = gql`
  subscription Vehicle($id: ID!) @resume(rewind: 1) {
    vehicle(id: $id) {
      id
      label
      line
      bearing
      speed
      status
      time
    }
  }
`;

export const PAYMENTS: TypedDocumentNode<{ transaction: Payment }> = gql`
  subscription Payments @resume(rewind: 20) {
    transaction {
      id
      amount
      currency
      status
      merchant {
        name
        category
      }
      createdAt
    }
  }
`;
