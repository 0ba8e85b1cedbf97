// OpenFeature's own evaluator for flagd's documents. Reads lines of {document, cases: [{flag, context, now}]}, and writes for
// each a line of [{variant, reason, error}].
import { FlagdCore } from '@openfeature/flagd-core';
import { createInterface } from 'node:readline';

const silent = { error() {}, warn() {}, info() {}, debug() {} };

for await (const line of createInterface({ input: process.stdin })) {
  const { document, cases } = JSON.parse(line);
  const core = new FlagdCore(undefined, silent);
  core.setConfigurations(JSON.stringify(document));
  const results = cases.map(({ flag, context, now }) => {
    Date.now = () => now * 1000;
    const { variant, reason, errorCode } = core.resolveStringEvaluation(flag, 'the fallback', context, silent);
    return { variant: variant ?? null, reason: errorCode ? null : reason, error: errorCode ?? null };
  });
  process.stdout.write(JSON.stringify(results) + '\n');
}
