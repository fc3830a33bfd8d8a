import type { KafkaRecord } from '../event/source-event.js';
import type { Format } from './format.js';
import { jsonFormat } from './json.js';
import { textFormat } from './text.js';

/** What a schema says of how a topic's records are read. */
export interface FormatPlan {
  readonly format: 'JSON';
}

/** How a topic's records are read. */
export interface TopicFormats {
  readonly key: Format;
  readonly value: Format;
}

const values: Readonly<Record<FormatPlan['format'], Format>> = { JSON: jsonFormat('value') };
const key = textFormat('key');

export const formatsOf = ({ format }: FormatPlan): TopicFormats => ({ key, value: values[format] });

/** As `Format.prepare` of key and value. */
export function prepare({ key, value }: TopicFormats, records: readonly KafkaRecord[]): Promise<unknown> | null {
  const keys = key.prepare(records);
  const values = value.prepare(records);
  return keys === null || values === null ? (keys ?? values) : Promise.all([keys, values]);
}
