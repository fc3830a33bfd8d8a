import { memo } from 'react';
import { useEvents } from 'tailrace-client/react';
import { user } from './client.js';
import { PAYMENTS, type Payment } from './operations.js';

const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const money = (amount: number, currency: string) =>
  new Intl.NumberFormat('en-IE', { style: 'currency', currency }).format(amount);

/** Every payment once and in order, the newest on top. What the server could not show any more is said, not hidden. */
export function Payments() {
  // Apollo's useSubscription shows the last event of each render; here none may be passed over.
  const { events, gap, error } = useEvents(PAYMENTS, { keep: 200 });
  return (
    <section className="panel payments">
      <header>
        <h2>Payments of {user}</h2>
      </header>
      {gap && (
        <p className="gap" role="alert">
          {gap.missed === null ? 'Some payments' : `${gap.missed} payments`} can no longer be shown.
        </p>
      )}
      {error && <p className="gap">{error.message}</p>}
      <ol className="scroller">
        {events.toReversed().map((payment) => (
          <Row key={payment.id} {...payment} />
        ))}
      </ol>
    </section>
  );
}

/** Of two hundred only the new one is rendered. */
const Row = memo(function Row({ id, amount, currency, merchant, status, createdAt }: Payment) {
  return (
    <li data-id={id} className={status.toLowerCase()}>
      <span className="merchant">{merchant.name}</span>
      <span className="amount">{money(amount, currency)}</span>
      <span className="category">{merchant.category}</span>
      <span className="outcome">{status === 'DECLINED' ? 'declined' : clock.format(new Date(createdAt))}</span>
    </li>
  );
});
