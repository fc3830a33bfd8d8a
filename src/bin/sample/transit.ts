import { type Line, lines } from './city.js';
import type { SampleRecord } from './record.js';

/** Seconds a vehicle stands at a stop, and before a stop says it is coming in. */
const dwell = 18;
const arriving = 12;

const degree = Math.PI / 180;
/** Metres in a degree of latitude. */
const metres = 111_320;

type Point = readonly [lat: number, long: number];
type Leg = { readonly from: Point; readonly to: Point; readonly seconds: number };

/** A vehicle's round, there and back, stop by stop. */
function legsOf({ stops, speed }: Line): readonly Leg[] {
  const way = [...stops, ...stops.slice(0, -1).reverse()];
  return way.slice(1).map((to, place) => {
    const from = way[place] ?? to;
    return { from, to, seconds: distance(from, to) / speed };
  });
}

const timetable = lines.map((line) => {
  const legs = legsOf(line);
  return { line, legs, cycle: legs.reduce((total, leg) => total + leg.seconds + dwell, 0) };
});

/** A vehicle as GTFS Realtime tells it, in JSON. */
export interface VehicleEntity {
  readonly id: string;
  readonly vehicle: {
    readonly trip: { readonly tripId: string; readonly routeId: string };
    readonly position: {
      readonly latitude: number;
      readonly longitude: number;
      readonly bearing: number;
      readonly speed: number;
    };
    readonly vehicle: { readonly id: string; readonly label: string };
    readonly timestamp: number;
    readonly currentStatus: 'INCOMING_AT' | 'STOPPED_AT' | 'IN_TRANSIT_TO';
  };
}

/** Where every vehicle is at a time (milliseconds since 1970): the same for the same time, in any process. */
export function fleetAt(time: number): readonly VehicleEntity[] {
  const timestamp = Math.floor(time / 1000);
  return timetable.flatMap(({ line, legs, cycle }) =>
    Array.from({ length: line.vehicles }, (_, place) => {
      const elapsed = time / 1000 + (place * cycle) / line.vehicles;
      const id = `${line.id}-${String(place + 1).padStart(2, '0')}`;
      const { position, status } = along(legs, elapsed % cycle, line.speed);
      return {
        id,
        vehicle: {
          trip: { tripId: `${id}-${Math.floor(elapsed / cycle)}`, routeId: line.id },
          position,
          vehicle: { id, label: `${line.name} ${place + 1}` },
          timestamp,
          currentStatus: status,
        },
      };
    }),
  );
}

/** The whole fleet in one record, as transit agencies publish it. */
export function transitFeed(time: number): SampleRecord {
  const header = { gtfsRealtimeVersion: '2.0', incrementality: 'FULL_DATASET', timestamp: Math.floor(time / 1000) };
  const value = JSON.stringify({ header, entity: fleetAt(time) });
  return { topic: 'vehicle-positions', key: 'fleet', value, timestamp: time };
}

function along(legs: readonly Leg[], start: number, cruising: number) {
  let left = start;
  for (const { from, to, seconds } of legs) {
    if (left < seconds) {
      const status = seconds - left < arriving ? ('INCOMING_AT' as const) : ('IN_TRANSIT_TO' as const);
      return { position: heading(from, to, left / seconds, cruising), status };
    }
    left -= seconds;
    if (left < dwell) return { position: heading(from, to, 1, 0), status: 'STOPPED_AT' as const };
    left -= dwell;
  }
  // A trace of a second may remain after the last stop, by rounding.
  const last = legs[legs.length - 1];
  if (last === undefined) throw new RangeError('a line has at least two stops');
  return { position: heading(last.from, last.to, 1, 0), status: 'STOPPED_AT' as const };
}

function heading(from: Point, to: Point, part: number, speed: number) {
  const north = to[0] - from[0];
  const east = (to[1] - from[1]) * Math.cos(from[0] * degree);
  return {
    latitude: round(from[0] + (to[0] - from[0]) * part, 6),
    longitude: round(from[1] + (to[1] - from[1]) * part, 6),
    bearing: round((Math.atan2(east, north) / degree + 360) % 360, 1),
    speed: round(speed, 1),
  };
}

function distance(from: Point, to: Point): number {
  return Math.hypot(to[0] - from[0], (to[1] - from[1]) * Math.cos(from[0] * degree)) * metres;
}

function round(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}
