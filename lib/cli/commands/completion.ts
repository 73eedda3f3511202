import { UsageError } from '../cli.errors.js';
import { answer, defineCommand } from '../command.spec.js';
import type { CommandSpec } from '../command.spec.js';
import { COMMON } from './common.options.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** @param commands The commands that there are, this one too: asked when it runs. */
export function completion(commands: () => readonly CommandSpec[]): CommandSpec {
  return defineCommand({
    name: 'completion',
    summary: 'print the script with which a shell completes commands and options',
    args: [['<shell>', SHELLS.join(', ')]],
    details: `  $ source <(asyncz completion bash)
  $ asyncz completion fish > ~/.config/fish/completions/asyncz.fish`,
    role: 'none',
    async run({ args: [shell] }) {
      const known = SHELLS.find((one) => one === shell);
      if (known === undefined)
        throw new UsageError(`completion knows ${SHELLS.join(', ')}, and not ${JSON.stringify(shell)}`);
      const script = known === 'fish' ? fish(commands()) : bash(commands(), known === 'zsh');
      return answer({ shell: known, script }, (print) => print.block(script));
    },
  });
}

function flagsOf({ options = [], role }: CommandSpec): readonly string[] {
  const all = role === 'none' ? options : [...options, ...COMMON];
  return [...all.flatMap(({ flags }) => flags.match(/--[\w-]+/g) ?? []), '--json', '--help'];
}

/** zsh takes the script of bash, with its own emulation. */
function bash(commands: readonly CommandSpec[], isZsh: boolean): string {
  const cases = commands.map((one) => `    ${one.name}) words="${flagsOf(one).join(' ')}" ;;`);
  return [
    ...(isZsh ? ['autoload -U +X bashcompinit && bashcompinit'] : []),
    '_asyncz() {',
    '  local words current="${COMP_WORDS[COMP_CWORD]}"',
    '  case "${COMP_WORDS[1]}" in',
    ...cases,
    `    *) words="${commands.map(({ name }) => name).join(' ')}" ;;`,
    '  esac',
    `  [ "$COMP_CWORD" = 1 ] && words="${commands.map(({ name }) => name).join(' ')}"`,
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '}',
    'complete -o default -F _asyncz asyncz',
  ].join('\n');
}

function fish(commands: readonly CommandSpec[]): string {
  return commands
    .flatMap((one) => [
      `complete -c asyncz -n __fish_use_subcommand -f -a ${one.name} -d ${quoted(one.summary)}`,
      ...flagsOf(one).map(
        (flag) => `complete -c asyncz -n '__fish_seen_subcommand_from ${one.name}' -l ${flag.slice(2)}`,
      ),
    ])
    .join('\n');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "\\'")}'`;
}
