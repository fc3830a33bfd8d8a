import type { IncomingMessage, ServerResponse } from 'node:http';
import { Fault, statusOf } from '../../event/faults.js';
import { answer, jsonObject } from '../answer.js';
import type { RenewalDesk } from '../connection/renewal-desk.js';
import { bearer, withToken } from '../identity/authenticate.js';
import type { Identity } from '../identity/identify.js';
import { type TicketOffice, ticketLife } from '../identity/tickets.js';
import type { Admission } from '../limits/admission.js';

export interface SignInParts {
  readonly identity: Identity;
  readonly tickets: TicketOffice;
  readonly renewals: RenewalDesk;
  readonly admission: Admission;
}

/** `201 {ticket, expiresIn}` for whoever shows a token in the header. */
export async function giveTicket(
  request: IncomingMessage,
  response: ServerResponse,
  { identity, tickets, admission }: SignInParts,
): Promise<void> {
  const token = bearer(request.headers.authorization);
  if (token === null)
    throw new Fault('UNAUTHENTICATED', { why: 'a ticket is given for a token in the Authorization header' });
  const viewer = await identity.authenticate(withToken(token, request));
  // A ticket is kept for a minute with the whole token: without a limit one user fills the store.
  await admission.admits(request, viewer)('mutation', 1);
  answer(response, 201, { ticket: await tickets.issue(token, viewer.expiresAt), expiresIn: ticketLife / 1000 });
}

/** `{"ok": true}` for `{id, token}`: the name of a stream, from its header `Tailrace-Stream`, and its holder's new token. */
export async function renew(
  request: IncomingMessage,
  response: ServerResponse,
  { admission, renewals }: SignInParts,
  body: string,
): Promise<void> {
  const { id, token } = jsonObject(body, 'the body');
  if (typeof id !== 'string' || typeof token !== 'string') {
    throw new Fault('BAD_USER_INPUT', { why: 'the body must be {"id": …, "token": …}' });
  }
  // A stream that is not held here is every replica's to look for: each such request costs all of them.
  const renewed = await renewals.renew(id, token, (viewer) => admission.admits(request, viewer)('mutation', 1));
  if (renewed.ok) return answer(response, 200, renewed);
  const { code, message } = renewed;
  answer(response, statusOf({ code }), { errors: [{ message, extensions: { code } }] });
}
