import { defineCommand } from '../grammar/command.ts';
import { choice, required } from '../grammar/params.ts';
import { bashScript } from './bash.ts';
import { fishScript } from './fish.ts';
import { zshScript } from './zsh.ts';

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };

export const completion = defineCommand({
  summary: 'Print a completion script for a shell',
  first: { shell: required(choice('SHELL', 'for', { bash: 'bash', zsh: 'zsh', fish: 'fish' })) },
  offline: true,
  examples: [
    '. <(irm completion bash)',
    'irm completion bash > ~/.local/share/bash-completion/completions/irm',
    'irm completion zsh > ~/.zfunc/_irm',
    'irm completion fish > ~/.config/fish/completions/irm.fish',
  ],
  async run({ shell }) {
    const script = scripts[shell];
    return { json: { shell, script }, text: () => script };
  },
});
