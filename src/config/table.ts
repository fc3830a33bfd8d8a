import { type Command, defaultText, type Key, type Variable, variableName, variables } from './variables.js';

/** The Markdown table of all variables in docs/configuration.md. */
export function variablesTable(): string {
  const rows = (Object.entries(variables) as [Key, Variable][]).map(([key, variable]) => {
    const name = `\`${variableName(key)}\`${variable.secret ? ' ¹' : ''}`;
    const commands = variable.commands.filter((command) => command !== 'check').join(', ');
    return `| ${[name, variable.kind.label, shownDefault(variable), commands, variable.about].map(cell).join(' | ')} |`;
  });
  return ['| variable | must be | default | read by | what it is |', '| --- | --- | --- | --- | --- |', ...rows].join(
    '\n',
  );
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
