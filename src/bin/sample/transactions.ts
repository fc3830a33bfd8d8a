import { oneOf } from './random.js';
import type { SampleRecord } from './record.js';

/** Whose cards the sample reads. */
export const sampleUsers = ['ada', 'grace', 'linus', 'alan', 'edsger'] as const;

const cards: Readonly<Record<(typeof sampleUsers)[number], string>> = {
  ada: '4929 4212 3456 1815',
  grace: '5413 3300 8902 1906',
  linus: '4532 7153 3790 1969',
  alan: '5105 1051 0510 1912',
  edsger: '4716 2210 5188 1930',
};

const merchants = [
  { name: 'Café Ursula', category: 'coffee', city: 'Helsinki', from: 3, to: 18 },
  { name: 'Hakaniemi Market', category: 'groceries', city: 'Helsinki', from: 5, to: 90 },
  { name: 'Akateeminen', category: 'books', city: 'Helsinki', from: 8, to: 120 },
  { name: 'Verkko Bikes', category: 'bicycles', city: 'Espoo', from: 15, to: 1400 },
  { name: 'Harbour Ferries', category: 'travel', city: 'Tallinn', from: 19, to: 240 },
  { name: 'Kiosk 7', category: 'snacks', city: 'Vantaa', from: 1, to: 12 },
  { name: 'Löyly', category: 'sauna', city: 'Helsinki', from: 21, to: 75 },
  { name: 'Nordic Power', category: 'energy', city: 'Oslo', from: 40, to: 310 },
] as const;

const statuses = ['AUTHORIZED', 'AUTHORIZED', 'SETTLED', 'SETTLED', 'SETTLED', 'DECLINED'] as const;

/**
 * Each call is the next payment, keyed by its user, so that a user's payments keep their order. Everybody pays once in
 * each round of five: whoever looks at one user is never left waiting by chance.
 */
export function cardTransactions(random: () => number): (time: number) => SampleRecord {
  let round: (typeof sampleUsers)[number][] = [];
  return (time) => {
    if (round.length === 0) round = [...sampleUsers];
    const [userId = sampleUsers[0]] = round.splice(Math.floor(random() * round.length), 1);
    const { from, to, ...merchant } = oneOf(random, merchants);
    const transaction = {
      id: `tx-${digits(random)}${digits(random)}`,
      userId,
      // Most payments are small: the square draws them towards `from`.
      amount: Math.round((from + (to - from) * random() ** 2) * 100) / 100,
      currency: merchant.city === 'Oslo' ? 'NOK' : 'EUR',
      merchant,
      status: oneOf(random, statuses),
      cardNumber: cards[userId],
      createdAt: new Date(time).toISOString(),
    };
    return { topic: 'card-transactions', key: userId, value: JSON.stringify(transaction), timestamp: time };
  };
}

const digits = (random: () => number): string =>
  Math.floor(random() * 36 ** 5)
    .toString(36)
    .padStart(5, '0');
