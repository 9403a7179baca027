// Runs promptfoo on the mounted prompts, and leaves the verdict; docs/evaluate.md has the contract.
//
// The exit code says whether there is a verdict, and not what it is: 0 also when cases fail. Whether
// the score is good enough is for suite.yaml to say.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const HERE = import.meta.dirname;
const RESULTS = '/tmp/results.json';
const MAX_TEXT = 600; // of the 4,096 bytes that Kubernetes keeps of a verdict

await import('./promptfooconfig.js').catch((error) => stop(error.message));
const promptfoo = `${HERE}/node_modules/promptfoo/dist/src/entrypoint.js`;
const options = ['--config', `${HERE}/promptfooconfig.js`, '--no-cache', '--no-write'];
// It exits with 100 when cases fail: what was found is in the results.
spawnSync(process.execPath, [promptfoo, 'eval', ...options, '--output', RESULTS], {
  cwd: HERE,
  stdio: 'inherit',
});
if (!existsSync(RESULTS)) stop('promptfoo left no results: see its log');

const { results, prompts } = JSON.parse(readFileSync(RESULTS)).results;
const broken = results.find(({ failureReason }) => failureReason === 2); // an error, no assertion
if (broken) {
  const { testCase, prompt, error } = broken;
  stop(`${testCase.description} could not be asked of the ${prompt.label}: ${error.split('\n')[0]}`);
}

const [candidate, baseline] = ['candidate', 'baseline'].map((side) => count(side));
if (!candidate) stop('there are no cases');
const failed = results
  .filter(({ prompt, success }) => prompt.label === 'candidate' && !success)
  .map(({ testCase }) => testCase.description)
  .sort();
writeFileSync(
  '/dev/termination-log',
  JSON.stringify({
    score: candidate.passed / candidate.total,
    baselineScore: baseline && baseline.passed / baseline.total,
    counts: candidate,
    text: failed.length ? `failed: ${failed.join(', ')}`.slice(0, MAX_TEXT) : 'all cases pass',
  }),
);

// How many cases a side has passed; nothing where there was nothing to judge.
function count(side) {
  const metrics = prompts.find(({ label }) => label === side)?.metrics;
  const { testPassCount: passed = 0, testFailCount: failed = 0 } = metrics ?? {};
  return passed + failed ? { total: passed + failed, passed, failed } : undefined;
}

// Ends without a verdict. The last line of the log is what the evaluation's message tells.
function stop(why) {
  console.error(why);
  process.exit(1);
}
