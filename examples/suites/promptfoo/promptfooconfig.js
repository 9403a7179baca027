// What promptfoo runs: the cases of tests.yaml with the prompts that are mounted, candidate and
// baseline side by side, each with its own model and parameters.
import { existsSync, readFileSync } from 'node:fs';

// A stand-in that needs no network. To ask a real model, give suite.yaml the key and write, such as
//   const provider = ({ provider, name }) => `${provider}:chat:${name}`;
const provider = () => 'file://provider.js';

const [prompt, ...more] = process.env.PROMPTRELEASE_PROMPTS.split(' ');
if (more.length) throw new Error(`one prompt a suite: give ${more.join(' and ')} suites of their own`);

const sides = [
  { label: 'candidate', folder: `${process.env.PROMPTRELEASE_CANDIDATE}/${prompt}` },
  { label: 'baseline', folder: `${process.env.PROMPTRELEASE_BASELINE}/${prompt}` },
].filter(({ folder }) => existsSync(folder)); // at first, no label serves a baseline

export default {
  description: `${prompt}: candidate and baseline`,
  prompts: sides.map(({ label, folder }) => ({ label, raw: template(folder) })),
  providers: sides.map(({ label, folder }) => {
    const { model } = JSON.parse(readFileSync(`${folder}/config.json`));
    const { maxTokens, topP, ...parameters } = model.parameters ?? {};
    return {
      id: provider(model),
      label,
      prompts: [label],
      config: { model: model.name, max_tokens: maxTokens, top_p: topP, ...parameters },
    };
  }),
  defaultTest: 'file://defaults.yaml',
  tests: 'file://tests.yaml',
};

// A text, or a chat's messages as JSON, which is how promptfoo wants them.
function template(folder) {
  if (existsSync(`${folder}/prompt.txt`)) {
    const text = forNunjucks(readFileSync(`${folder}/prompt.txt`, 'utf8'));
    return text.includes('\n') ? text : `${text}\n`; // a single line could be a file's name
  }
  const messages = JSON.parse(readFileSync(`${folder}/messages.json`));
  const open = messages.find((message) => message.placeholder);
  if (open) throw new Error(`put messages of your own in the place of ${open.placeholder}`);
  return JSON.stringify(messages.map(({ role, content }) => ({ role, content: forNunjucks(content) })));
}

// promptfoo fills in variables by Nunjucks, which knows more than {{name}}: blocks and comments stay
// what they are, and a {{ that has a backslash before it, too.
function forNunjucks(text) {
  return text
    .replace(/\\\{\{/g, '{{ "{" }}{{ "{" }}')
    .replace(/\{(?=[%#])/g, '{{ "{" }}')
    .replace(/#(?=\})/g, '{{ "#" }}');
}
