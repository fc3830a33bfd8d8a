import { type Command, defaultText, type Variable } from './variable.js';
import { type Key, variableName, variables } from './variables.js';

/** The Markdown table of all variables in docs/configuration.md. */
export function variablesTable(): string {
  const rows = (Object.entries(variables) as [Key, Variable][]).map(([key, variable]) => {
    const name = `\`${variableName(key)}\`${variable.secret ? ' ¹' : ''}`;
    const commands = variable.commands.filter((command) => command !== 'check').join(', ');
    const code = variable.code === null ? '' : `\`${variable.code}\``;
    const cells = [name, variable.kind.label, shownDefault(variable), commands, code, variable.about];
    return `| ${cells.map(cell).join(' | ')} |`;
  });
  const head = '| variable | must be | default | read by | in code | what it is |';
  return [head, '| --- | --- | --- | --- | --- | --- |', ...rows].join('\n');
}

const cell = (text: string): string => text.replaceAll('|', '\\|');

function shownDefault(variable: Variable): string {
  const shown = (command: Command) => {
    const text = defaultText(variable, command);
    return text === null || text === '' ? '' : `\`${text}\``;
  };
  const others = shown('gateway');
  return shown('dev') === others ? others : `${shown('dev') || 'none'} in dev, else ${others}`;
}
