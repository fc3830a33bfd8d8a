import type { AppendAnswer } from '../log/channel-log.js';

export type Accepted = Extract<AppendAnswer, { kind: 'appended' }>;

/** The log did not take an append because it holds less than was thought, or is another log by now, or fed by others. */
export class Refused extends Error {
  override name = 'Refused';
  constructor(answer: Exclude<AppendAnswer, Accepted>) {
    const { kind } = answer;
    if (kind === 'behind') super(`the log holds offsets below ${answer.watermark} only`);
    else super(kind === 'other-epoch' ? 'the log has a new epoch' : 'the log is fed by the routes of another schema');
  }
}
