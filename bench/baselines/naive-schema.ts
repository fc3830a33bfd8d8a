/** The same for every system that speaks GraphQL. */
export const typeDefs = `
  type Query { version: String }
  type Subscription {
    quote: Quote!
    order: Order!
    vehicle(id: ID!): Vehicle!
  }
  type Quote { n: Int! at: Float! symbol: ID! price: Float! }
  type Order { n: Int! at: Float! id: ID! userId: ID! amount: Float! currency: String! note: String! }
  type Vehicle { n: Int! at: Float! id: ID! label: String! lat: Float! long: Float! }
`;
