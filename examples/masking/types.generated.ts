// Made from schema.graphql by npm run codegen. Changes here are lost.
import type { GraphQLResolveInfo, GraphQLScalarType, GraphQLScalarTypeConfig } from 'graphql';
import type { Context } from 'tailrace';
export type Maybe<T> = T | null;
export type InputMaybe<T> = Maybe<T>;
export type RequireFields<T, K extends keyof T> = Omit<T, K> & { [P in K]-?: NonNullable<T[P]> };
/** All built-in and custom scalars, mapped to their actual values */
export type Scalars = {
  ID: { input: string; output: string; }
  String: { input: string; output: string; }
  Boolean: { input: boolean; output: boolean; }
  Int: { input: number; output: number; }
  Float: { input: number; output: number; }
  /** Any JSON value. */
  JSON: { input: unknown; output: unknown; }
};

export type Subscription = {
  readonly __typename?: 'Subscription';
  /**
   * Card transactions of the signed-in user, as they happen.
   *
   * The rule reads `claims`, so there is no way to ask for somebody else's: without a token this field is refused.
   */
  readonly transaction: Transaction;
  /**
   * Where the city's trams and buses are, once a second for each: all of them, or one.
   *
   * One Kafka record holds the whole fleet, in the JSON shape of GTFS Realtime; `each` makes an event of every vehicle.
   */
  readonly vehicle: Vehicle;
  /** Who is typing in a room right now. Not from Kafka: what is said while you are away is not kept. */
  readonly typing: Typing;
};


export type SubscriptionTransactionArgs = {
  minAmount?: InputMaybe<Scalars['Float']['input']>;
};


export type SubscriptionVehicleArgs = {
  id?: InputMaybe<Scalars['ID']['input']>;
};


export type SubscriptionTypingArgs = {
  room: Scalars['ID']['input'];
};

export type Mutation = {
  readonly __typename?: 'Mutation';
  /** Tells the others in the room that you are typing. */
  readonly sendTyping: Scalars['Boolean']['output'];
};


export type MutationSendTypingArgs = {
  room: Scalars['ID']['input'];
};

/** A payment with a card. */
export type Transaction = {
  readonly __typename?: 'Transaction';
  readonly id: Scalars['ID']['output'];
  /** Whose card it was. */
  readonly userId: Scalars['ID']['output'];
  /** In units of the currency: 12.5 is twelve and a half. */
  readonly amount: Scalars['Float']['output'];
  /** The three letters of ISO 4217. */
  readonly currency: Scalars['String']['output'];
  readonly merchant: Merchant;
  readonly status: TransactionStatus;
  /** All but the last four digits are hidden, unless your token's `roles` hold `auditor`. */
  readonly cardNumber: Scalars['String']['output'];
  /** When the card was read, in ISO 8601. */
  readonly createdAt: Scalars['String']['output'];
};

/** Where something was bought. */
export type Merchant = {
  readonly __typename?: 'Merchant';
  readonly name: Scalars['String']['output'];
  /** What is sold there, in a word or two. */
  readonly category: Scalars['String']['output'];
  readonly city: Scalars['String']['output'];
};

/** What became of a payment. */
export type TransactionStatus =
  /** The bank agreed; the money moves later. */
  | 'AUTHORIZED'
  /** The money moved. */
  | 'SETTLED'
  /** The bank refused. */
  | 'DECLINED';

/** A tram or bus on its line. */
export type Vehicle = {
  readonly __typename?: 'Vehicle';
  readonly id: Scalars['ID']['output'];
  /** What is painted on it. */
  readonly label: Scalars['String']['output'];
  /** The line it serves. */
  readonly line: Scalars['ID']['output'];
  /** Degrees north. */
  readonly lat: Scalars['Float']['output'];
  /** Degrees east. */
  readonly long: Scalars['Float']['output'];
  /** Degrees clockwise from north in which it heads. */
  readonly bearing?: Maybe<Scalars['Float']['output']>;
  /** Metres a second. */
  readonly speed?: Maybe<Scalars['Float']['output']>;
  readonly status?: Maybe<VehicleStatus>;
  /** When it was there: seconds since 1970. */
  readonly time: Scalars['Int']['output'];
};

/** How a vehicle stands to its next stop. */
export type VehicleStatus =
  | 'INCOMING_AT'
  | 'STOPPED_AT'
  | 'IN_TRANSIT_TO';

/** Somebody is typing. */
export type Typing = {
  readonly __typename?: 'Typing';
  readonly room: Scalars['ID']['output'];
  readonly userId: Scalars['ID']['output'];
};

/** What can be asked beside the streams. */
export type Query = {
  readonly __typename?: 'Query';
  /** The version of the gateway. */
  readonly version: Scalars['String']['output'];
  /** Who asks; null without a token. */
  readonly viewer?: Maybe<Viewer>;
};

/** The one who asks, as the token says. */
export type Viewer = {
  readonly __typename?: 'Viewer';
  readonly sub?: Maybe<Scalars['String']['output']>;
  readonly claims?: Maybe<Scalars['JSON']['output']>;
};



export type ResolverTypeWrapper<T> = Promise<T> | T;


export type ResolverWithResolve<TResult, TParent, TContext, TArgs> = {
  readonly claims?: readonly string[];
  resolve: ResolverFn<TResult, TParent, TContext, TArgs>;
};
export type Resolver<TResult, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> = ResolverFn<TResult, TParent, TContext, TArgs> | ResolverWithResolve<TResult, TParent, TContext, TArgs>;

export type ResolverFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => Promise<TResult> | TResult;

export type SubscriptionSubscribeFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => AsyncIterable<TResult> | Promise<AsyncIterable<TResult>>;

export type SubscriptionResolveFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => TResult | Promise<TResult>;

export interface SubscriptionSubscriberObject<TResult, TKey extends string, TParent, TContext, TArgs> {
  subscribe: SubscriptionSubscribeFn<{ [key in TKey]: TResult }, TParent, TContext, TArgs>;
  resolve?: SubscriptionResolveFn<TResult, { [key in TKey]: TResult }, TContext, TArgs>;
}

export interface SubscriptionResolverObject<TResult, TParent, TContext, TArgs> {
  subscribe: SubscriptionSubscribeFn<any, TParent, TContext, TArgs>;
  resolve: SubscriptionResolveFn<TResult, any, TContext, TArgs>;
}

export type SubscriptionObject<TResult, TKey extends string, TParent, TContext, TArgs> =
  | SubscriptionSubscriberObject<TResult, TKey, TParent, TContext, TArgs>
  | SubscriptionResolverObject<TResult, TParent, TContext, TArgs>;

export type SubscriptionResolver<TResult, TKey extends string, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> =
  | ((...args: any[]) => SubscriptionObject<TResult, TKey, TParent, TContext, TArgs>)
  | SubscriptionObject<TResult, TKey, TParent, TContext, TArgs>;

export type TypeResolveFn<TTypes, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>> = (
  parent: TParent,
  context: TContext,
  info: GraphQLResolveInfo
) => Maybe<TTypes> | Promise<Maybe<TTypes>>;

export type IsTypeOfResolverFn<T = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>> = (obj: T, context: TContext, info: GraphQLResolveInfo) => boolean | Promise<boolean>;

export type NextResolverFn<T> = () => Promise<T>;

export type DirectiveResolverFn<TResult = Record<PropertyKey, never>, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> = (
  next: NextResolverFn<TResult>,
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => TResult | Promise<TResult>;





/** Mapping between all available schema types and the resolvers types */
export type ResolversTypes = {
  Subscription: ResolverTypeWrapper<Record<PropertyKey, never>>;
  Float: ResolverTypeWrapper<Scalars['Float']['output']>;
  ID: ResolverTypeWrapper<Scalars['ID']['output']>;
  Mutation: ResolverTypeWrapper<Record<PropertyKey, never>>;
  Boolean: ResolverTypeWrapper<Scalars['Boolean']['output']>;
  Transaction: ResolverTypeWrapper<Transaction>;
  String: ResolverTypeWrapper<Scalars['String']['output']>;
  Merchant: ResolverTypeWrapper<Merchant>;
  TransactionStatus: TransactionStatus;
  Vehicle: ResolverTypeWrapper<unknown>;
  Int: ResolverTypeWrapper<Scalars['Int']['output']>;
  VehicleStatus: VehicleStatus;
  Typing: ResolverTypeWrapper<Typing>;
  Query: ResolverTypeWrapper<Record<PropertyKey, never>>;
  Viewer: ResolverTypeWrapper<Viewer>;
  JSON: ResolverTypeWrapper<Scalars['JSON']['output']>;
};

/** Mapping between all available schema types and the resolvers parents */
export type ResolversParentTypes = {
  Subscription: Record<PropertyKey, never>;
  Float: Scalars['Float']['output'];
  ID: Scalars['ID']['output'];
  Mutation: Record<PropertyKey, never>;
  Boolean: Scalars['Boolean']['output'];
  Transaction: Transaction;
  String: Scalars['String']['output'];
  Merchant: Merchant;
  Vehicle: unknown;
  Int: Scalars['Int']['output'];
  Typing: Typing;
  Query: Record<PropertyKey, never>;
  Viewer: Viewer;
  JSON: Scalars['JSON']['output'];
};

export type SubscriptionResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Subscription'] = ResolversParentTypes['Subscription']> = {
  transaction?: SubscriptionResolver<ResolversTypes['Transaction'], "transaction", ParentType, ContextType, Partial<SubscriptionTransactionArgs>>;
  vehicle?: SubscriptionResolver<ResolversTypes['Vehicle'], "vehicle", ParentType, ContextType, Partial<SubscriptionVehicleArgs>>;
  typing?: SubscriptionResolver<ResolversTypes['Typing'], "typing", ParentType, ContextType, RequireFields<SubscriptionTypingArgs, 'room'>>;
};

export type MutationResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Mutation'] = ResolversParentTypes['Mutation']> = {
  sendTyping?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType, RequireFields<MutationSendTypingArgs, 'room'>>;
};

export type TransactionResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Transaction'] = ResolversParentTypes['Transaction']> = {
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  userId?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  amount?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  currency?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  merchant?: Resolver<ResolversTypes['Merchant'], ParentType, ContextType>;
  status?: Resolver<ResolversTypes['TransactionStatus'], ParentType, ContextType>;
  cardNumber?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  createdAt?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type MerchantResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Merchant'] = ResolversParentTypes['Merchant']> = {
  name?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  category?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  city?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type VehicleResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Vehicle'] = ResolversParentTypes['Vehicle']> = {
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  label?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  line?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  lat?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  long?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  bearing?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  speed?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  status?: Resolver<Maybe<ResolversTypes['VehicleStatus']>, ParentType, ContextType>;
  time?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type TypingResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Typing'] = ResolversParentTypes['Typing']> = {
  room?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  userId?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
};

export type QueryResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Query'] = ResolversParentTypes['Query']> = {
  version?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  viewer?: Resolver<Maybe<ResolversTypes['Viewer']>, ParentType, ContextType>;
};

export type ViewerResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Viewer'] = ResolversParentTypes['Viewer']> = {
  sub?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  claims?: Resolver<Maybe<ResolversTypes['JSON']>, ParentType, ContextType>;
};

export interface JsonScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['JSON'], any> {
  name: 'JSON';
}

export type Resolvers<ContextType = Context> = {
  Subscription?: SubscriptionResolvers<ContextType>;
  Mutation?: MutationResolvers<ContextType>;
  Transaction?: TransactionResolvers<ContextType>;
  Merchant?: MerchantResolvers<ContextType>;
  Vehicle?: VehicleResolvers<ContextType>;
  Typing?: TypingResolvers<ContextType>;
  Query?: QueryResolvers<ContextType>;
  Viewer?: ViewerResolvers<ContextType>;
  JSON?: GraphQLScalarType;
};
