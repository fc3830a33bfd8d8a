import { useSubscription } from '@apollo/client/react';
import { memo } from 'react';
import { VEHICLE, type Vehicle } from './operations.js';

const doing = { INCOMING_AT: 'arriving', STOPPED_AT: 'at a stop', IN_TRANSIT_TO: 'on its way' } as const;
/** Metres a second that fill the bar. */
const fastest = 14;
const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });

interface Place {
  readonly id: string;
  readonly top: number;
  readonly height: number;
}

/** One row, one subscription: it begins when the row comes into view and ends when it leaves. */
export const VehicleRow = memo(function VehicleRow({ id, top, height }: Place) {
  // Without the cache: an event replaces the one before, and nobody asks for it again.
  const { data, error } = useSubscription(VEHICLE, { variables: { id }, fetchPolicy: 'no-cache', errorPolicy: 'all' });
  const vehicle = data?.vehicle;
  return (
    <li className="vehicle" style={{ height, translate: `0 ${top}px` }} data-id={id} data-time={vehicle?.time}>
      {vehicle ? <Live {...vehicle} /> : <span className="waiting">{error ? error.message : id}</span>}
    </li>
  );
});

function Live({ label, line, status, speed, bearing, time }: Vehicle) {
  const [kind = '', number] = line.split('-');
  return (
    <>
      <b className={`line ${kind}`}>{number}</b>
      <span className="label">{label}</span>
      <span className={`status ${status === 'STOPPED_AT' ? 'still' : ''}`}>{status ? doing[status] : ''}</span>
      <span className="heading" style={{ rotate: `${bearing ?? 0}deg` }} role="img" aria-label={`heading ${bearing}°`}>
        ↑
      </span>
      <span className="track">
        <i style={{ scale: `${Math.min(1, (speed ?? 0) / fastest)} 1` }} />
      </span>
      <span className="speed">{Math.round((speed ?? 0) * 3.6)} km/h</span>
      {/* A new key starts the flash again. */}
      <time key={time}>{clock.format(time * 1000)}</time>
    </>
  );
}
