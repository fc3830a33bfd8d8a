/** A line of the sample city: its stops in order, how many vehicles serve it, and how fast they go. */
export interface Line {
  readonly id: string;
  readonly name: string;
  /** Degrees north and east; at least two. */
  readonly stops: readonly (readonly [lat: number, long: number])[];
  readonly vehicles: number;
  /** Metres a second between stops. */
  readonly speed: number;
}

const centre = [60.1709, 24.9414] as const;
const harbour = [60.1674, 24.9527] as const;
const hakaniemi = [60.1792, 24.9508] as const;
const sornainen = [60.1876, 24.9609] as const;
const pasila = [60.1989, 24.9337] as const;
const kamppi = [60.1687, 24.9316] as const;
const ruoholahti = [60.1632, 24.9147] as const;
const toolo = [60.1841, 24.9228] as const;
const munkkiniemi = [60.1977, 24.8776] as const;
const eira = [60.1571, 24.9386] as const;
const arabia = [60.2079, 24.9766] as const;
const kumpula = [60.2034, 24.9648] as const;
const herttoniemi = [60.1945, 25.0302] as const;
const itakeskus = [60.2101, 25.0776] as const;
const lauttasaari = [60.1601, 24.8759] as const;
const tapiola = [60.1755, 24.8033] as const;
const leppavaara = [60.2192, 24.8133] as const;
const malmi = [60.2509, 25.0109] as const;
const kontula = [60.2362, 25.0823] as const;
const viikki = [60.2264, 25.0203] as const;

const tram = (number: number, vehicles: number, ...stops: Line['stops']): Line => ({
  id: `tram-${number}`,
  name: `Tram ${number}`,
  stops,
  vehicles,
  speed: 7.5,
});

const bus = (number: number, vehicles: number, ...stops: Line['stops']): Line => ({
  id: `bus-${number}`,
  name: `Bus ${number}`,
  stops,
  vehicles,
  speed: 11,
});

/** Helsinki, roughly. 168 vehicles. */
export const lines: readonly Line[] = [
  tram(1, 14, eira, centre, hakaniemi, sornainen, kumpula),
  tram(2, 14, harbour, centre, kamppi, toolo, pasila),
  tram(4, 16, harbour, centre, toolo, munkkiniemi),
  tram(6, 16, ruoholahti, kamppi, centre, hakaniemi, sornainen, arabia),
  tram(9, 14, ruoholahti, kamppi, hakaniemi, pasila),
  tram(10, 14, eira, harbour, centre, toolo, pasila),
  bus(20, 12, centre, ruoholahti, lauttasaari),
  bus(58, 14, munkkiniemi, pasila, kumpula, herttoniemi, itakeskus),
  bus(71, 12, centre, sornainen, arabia, viikki, malmi),
  bus(94, 12, itakeskus, kontula, malmi),
  bus(510, 14, tapiola, munkkiniemi, pasila, sornainen, herttoniemi),
  bus(550, 16, tapiola, leppavaara, pasila, viikki, itakeskus),
];
