import { mkdirSync, writeFileSync } from 'node:fs';
import { median, spread } from './measure.js';
import { bars } from './picture.js';

/** What was found of one system under one condition: a value per round and figure. */
export interface Row {
  readonly condition: string;
  readonly system: string;
  readonly figures: Readonly<Record<string, readonly number[]>>;
}

export interface Section {
  readonly name: string;
  readonly title: string;
  /** What issue and design ask for. */
  readonly target: string;
  /** The figure of the picture. */
  readonly shown: string;
  readonly rows: readonly Row[];
  readonly notes: readonly string[];
}

/** A section as Markdown: medians, with the lowest and highest round where there were several. */
export function table({ title, target, rows, notes }: Section): string {
  const names = [...new Set(rows.flatMap(({ figures }) => Object.keys(figures)))];
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const body = rows.map(({ condition, system, figures }) =>
    line([condition, system, ...names.map((name) => told(figures[name]))]),
  );
  const head = line(['', 'system', ...names]);
  const rule = `| --- | --- |${' ---: |'.repeat(names.length)}`;
  const remarks = notes.length > 0 ? `\n\n${notes.join('\n')}` : '';
  return `### ${title}\n\nTarget: ${target}\n\n${[head, rule, ...body].join('\n')}${remarks}\n`;
}

function told(values: readonly number[] | undefined): string {
  if (!values || values.length === 0) return '';
  const largest = Math.max(...values.map(Math.abs));
  const digits = largest >= 100 ? 0 : largest >= 10 ? 1 : 2;
  return values.length === 1 ? number(median(values), digits) : spread(values, digits);
}

const number = (value: number, digits: number) =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** `results.json`, `results.md` and a picture of each section. */
export function write(folder: string, about: readonly string[], sections: readonly Section[]): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/results.json`, JSON.stringify({ about, sections }, null, 2));
  writeFileSync(`${folder}/results.md`, `${about.join('\n\n')}\n\n${sections.map(table).join('\n')}`);
  for (const { name, title, shown, rows } of sections) {
    const shownRows = rows.flatMap(({ condition, system, figures }) => {
      const values = figures[shown];
      return values?.length
        ? [{ label: `${condition} · ${system}`, value: median(values), own: system === 'tailrace' }]
        : [];
    });
    if (shownRows.length > 0) writeFileSync(`${folder}/${name}.svg`, bars(`${title}: ${shown}`, shownRows));
  }
}
