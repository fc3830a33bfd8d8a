import type { OperationDefinitionNode } from 'graphql';
import type { CursorCodec } from '../event/cursor.js';
import { limitExceeded } from '../event/faults.js';
import { Group, type GroupPlan } from '../hub/group.js';
import { createGroups, type Groups } from '../hub/groups.js';
import type { Hub } from '../hub/hub.js';
import type { Outlet } from '../hub/outlet.js';
import type { OnGap, Start } from '../hub/subscription/start.js';
import { Subscription } from '../hub/subscription/subscription.js';
import type { Observers } from '../observe/observers.js';
import type { StreamField } from '../schema/stream-schema.js';
import { contextFor, type Executable, type PubSub } from './executable.js';
import { groupKey } from './group-key.js';
import { hopelessTeller } from './hopeless.js';
import type { Checked, Checks } from './operation/checks.js';
import type { Document } from './operation/operation.js';
import { renderer } from './render/render.js';
import { type StartRequest, startOf } from './running/start.js';
import { Stream, type StreamParts } from './running/stream.js';
import type { Viewer } from './viewer.js';

export interface StreamsParts {
  readonly executable: Executable;
  readonly checks: Checks;
  readonly hub: Hub;
  readonly cursors: CursorCodec;
  readonly pubsub: PubSub;
  readonly observers: Observers;
  readonly now: () => number;
  readonly limits: {
    readonly channelsPerSubscription: number;
    /** Events that a `rewind` may give, and looks at per channel. */
    readonly rewindScan: number;
    /** Entries. Default: without a limit. */
    readonly replay?: number;
  };
}

/** A subscription to a field with `@kafka`, as its viewer asked for it. */
export interface StreamRequest extends StartRequest {
  readonly viewer: Viewer;
  readonly operationName?: string | null | undefined;
}

/** The subscriptions to streams of this replica: viewers to whom every event looks the same share a group. */
export class Streams {
  readonly groups: Groups;
  readonly tellHopeless: ReturnType<typeof hopelessTeller>;
  #singles = 0;

  constructor(readonly parts: StreamsParts) {
    const { hub, cursors, now } = parts;
    const { metrics, logger } = parts.observers;
    this.groups = createGroups(
      (plan) => new Group(plan, hub, cursors, metrics, now),
      (group) => group.leave(),
      metrics.groups,
    );
    this.tellHopeless = hopelessTeller(metrics, logger);
  }

  /** Throws Fault or a GraphQLError when it cannot begin like this, and LogUnavailable. */
  async open(checked: Checked, field: StreamField, args: Args, request: StreamRequest): Promise<Stream> {
    const { executable, cursors, limits } = this.parts;
    const { operation, coerced } = checked;
    const { start, onGap } = startOf(
      executable.schema,
      operation,
      coerced,
      request,
      field.name,
      cursors,
      limits.rewindScan,
    );
    const asked = new AskedStream(this, checked, field, args, request.operationName ?? null, onGap);
    return new Stream(asked, await this.groups.enter(asked.plan(request.viewer)), start);
  }

  /** The key of a group that nobody else joins. */
  single(): string {
    return `single ${++this.#singles}`;
  }
}

type Args = Readonly<Record<string, unknown>>;

/** What was asked for, for as long as it runs. The request is not kept: each would hold its whole message. */
class AskedStream implements StreamParts {
  readonly groups: Groups;
  readonly #document: Document;
  readonly #operation: OperationDefinitionNode;
  readonly #variables: Checked['variables'];

  constructor(
    private readonly streams: Streams,
    { document, operation, variables }: Checked,
    private readonly field: StreamField,
    private readonly args: Args,
    private readonly operationName: string | null,
    private readonly onGap: OnGap,
  ) {
    this.groups = streams.groups;
    this.#document = document;
    this.#operation = operation;
    this.#variables = variables;
  }

  plan(viewer: Viewer): GroupPlan {
    const { field, args, operationName } = this;
    const [document, operation, variables] = [this.#document, this.#operation, this.#variables];
    const { executable, checks, limits, observers, pubsub } = this.streams.parts;
    checks.admit(document.fields(operation), viewer);
    const channels = field.channels(args, viewer.claims);
    const { channelsPerSubscription: most } = limits;
    if (channels.length > most) throw limitExceeded('channelsPerSubscription', most, channels.length);
    const lacks = field.lacks(args, viewer.claims);
    if (lacks) this.streams.tellHopeless(field.name, lacks);
    const projection = {
      schema: executable.schema,
      document: document.ast,
      operationName,
      variables,
      field: field.name,
      context: contextFor(viewer, pubsub),
    };
    const key = groupKey({ document, operation, variables, field, args, viewer }, executable);
    return {
      key: key ?? this.streams.single(),
      field: field.name,
      topic: field.topic,
      retain: field.retention.retain,
      channels,
      routes: field.fingerprint,
      conflation: field.conflation,
      permit: ({ event, record }) => field.permit(event, args, viewer.claims, record),
      render: renderer(projection, observers),
    };
  }

  seat(group: Group, outlet: Outlet, start: Start): Subscription {
    const { field, onGap } = this;
    const { hub, observers, limits, now } = this.streams.parts;
    const { metrics } = observers;
    const onClose = () => {
      metrics.subscribed(field.name, -1);
      this.groups.left(group);
    };
    const { rewindScan, replay } = limits;
    const bounds = { rewindScan, ...(replay === undefined ? {} : { replay }) };
    const subscription = new Subscription({ group, outlet, hub, observers, onGap, ...bounds, onClose });
    metrics.subscribed(field.name, 1);
    // The clock of each of the log's shards, as what a subscription has is told by it: this machine's may be an hour ahead.
    // Unless that one has leapt ahead: every start would be younger than the events that are told by their record's own time.
    const here = now();
    void subscription.start(
      start,
      hub.heads().map(({ time }) => Math.min(time, here)),
    );
    return subscription;
  }
}
