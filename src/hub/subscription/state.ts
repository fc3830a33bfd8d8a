import type { Offer } from '../seat.js';

/**
 *                   now                    caught up
 *     joining ──────────────────▶ live ◀────────────────── replaying: live frames wait
 *        │                        │  │                        ▲   ▲ │
 *        │ after · rewind         │  │ socket is full         │   │ │ too many wait, or
 *        └────────▶ replaying     │  └───▶ parked ── drained ─┘   │ │ the group dropped some
 *                                 │                               │ ▼
 *                                 └────────────────────────────▶ outrun: live frames are dropped, and
 *                                    the group dropped some      read from the last that was shown
 *
 *     any state ── close ──▶ closed        any state ── fault ──▶ closed, the outlet is told
 *
 * Live frames that come during a replay wait behind it, by reference. A parked subscription holds no frame at all. A log
 * that cannot be read is waited for: live subscriptions wait for it just so.
 */
export type State =
  | { readonly is: 'joining' | 'live' | 'outrun' | 'parked' | 'closed' }
  | { readonly is: 'replaying'; readonly waiting: Offer[] };

export const joining: State = { is: 'joining' };
export const live: State = { is: 'live' };
export const outrun: State = { is: 'outrun' };
export const parked: State = { is: 'parked' };
export const closed: State = { is: 'closed' };
