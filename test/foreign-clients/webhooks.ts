import { createRequire } from 'node:module';

/** A webhook payload as GitHub sent it; only what the test reads is named. */
export interface Payload {
  readonly action?: string;
  readonly repository?: { readonly full_name: string; readonly private: boolean; readonly owner: { login: string } };
  readonly sender?: { readonly login: string; readonly id: number };
  readonly installation?: { readonly id: number };
}

export interface Webhook {
  readonly event: string;
  readonly payload: Payload;
}

const definitions = createRequire(import.meta.url)('@octokit/webhooks-examples') as {
  name: string;
  examples: Payload[];
}[];

/** Recorded events of real repositories, in the order of the collection. */
export const webhooks: readonly Webhook[] = definitions.flatMap(({ name, examples }) =>
  examples.map((payload) => ({ event: name, payload })),
);

/** What a team would write for them: the nested shape of the payloads, under its own names. */
export const sdlFor = (topic: string) => `
  type Subscription {
    "What happens in the repositories of the signed-in user."
    webhook(action: String, event: String): Webhook!
      @kafka(topic: "${topic}")
      @where(rule: """
        event.repository.full_name in claims.repos
        && (args.action == null || event.action == args.action)
        && (args.event == null || record.headers["x-github-event"] == args.event)
      """)
  }
  type Webhook {
    action: String
    repository: Repository!
    sender: User
    installation: Installation
  }
  type Repository {
    fullName: String! @from(path: "full_name")
    private: Boolean!
    owner: User!
    ownerLogin: String! @from(path: "owner.login")
  }
  type User { login: String! }
  type Installation { id: ID! }
`;

export const query = `subscription Webhooks($action: String, $event: String) {
  webhook(action: $action, event: $event) {
    action
    repository { fullName private owner { login } ownerLogin }
    sender { login }
    installation { id }
  }
}`;

interface Asked {
  readonly repos?: unknown;
  readonly action?: string;
  readonly event?: string;
}

/** Viewers with different claims and arguments: also such as get nothing. */
export const viewers: readonly Asked[] = [
  { repos: ['Codertocat/Hello-World'] },
  { repos: ['octo-org/octo-repo', 'octocat/hello-world', 'Octocoders/Hello-World'] },
  { repos: ['Codertocat/Hello-World', 'Codertocat/Hello-World', 'electron/electron'], action: 'created' },
  { repos: [...new Set(webhooks.flatMap(({ payload }) => payload.repository?.full_name ?? []))] },
  { repos: ['Codertocat/Hello-World', 'Octocoders/Hello-World'], event: 'push' },
  { repos: ['codertocat/hello-world', 'Codertocat', 'Codertocat/Hello-World/', ''] },
  { repos: ['octo-org/octo-repo'], action: 'never happens' },
  { repos: [] },
  { repos: 'Codertocat/Hello-World' },
  { repos: null },
  {},
];

/** The rule, judged over all recorded events without any of our code. */
export function expected({ repos, action, event }: Asked): unknown[] {
  return webhooks
    .filter(({ event: name, payload }) => {
      if (!Array.isArray(repos) || !payload.repository) return false;
      if (!repos.includes(payload.repository.full_name)) return false;
      return (!action || payload.action === action) && (!event || name === event);
    })
    .map(({ payload: { action: happened, repository, sender, installation } }) => ({
      action: happened ?? null,
      repository: {
        fullName: repository?.full_name,
        private: repository?.private,
        owner: { login: repository?.owner.login },
        ownerLogin: repository?.owner.login,
      },
      sender: sender ? { login: sender.login } : null,
      installation: installation ? { id: String(installation.id) } : null,
    }));
}

export const claimsOf = ({ repos }: Asked, n: number) => ({
  sub: `viewer ${n}`,
  ...(repos === undefined ? {} : { repos }),
});

export const variablesOf = ({ action, event }: Asked) => ({ action, event });

export const headersOf = ({ event }: Webhook) => ({ 'x-github-event': event });
