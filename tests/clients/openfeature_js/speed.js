// How many evaluations a second OpenFeature's own evaluator makes on one core, of the rule that `cargo bench -p otus-flags` measures: staff, then
// an ending of the address, then one in ten.
import { FlagdCore } from '@openfeature/flagd-core';

const silent = { error() {}, warn() {}, info() {}, debug() {} };
const core = new FlagdCore(undefined, silent);
core.setConfigurations(JSON.stringify({
  flags: {
    'flag-000': {
      state: 'ENABLED',
      variants: { on: true, off: false },
      defaultVariant: 'off',
      targeting: { if: [
        { in: [{ var: 'email' }, ['ann@example.com', 'bob@example.com']] }, 'on',
        { ends_with: [{ var: 'email' }, '@example.com'] }, 'on',
        { fractional: [['on', 10], ['off', 90]] },
      ] },
    },
  },
}));
const context = { targetingKey: 'user-4711', email: 'ann@other.org', country: 'de', plan: 'pro', version: '2.3.1', age: 42 };
const round = (count) => {
  const began = process.hrtime.bigint();
  for (let at = 0; at < count; at += 1) core.resolveBooleanEvaluation('flag-000', false, context, silent);
  return Number(process.hrtime.bigint() - began) / 1e9;
};
round(20_000); // Warm.
const count = 100_000;
const seconds = Math.min(round(count), round(count), round(count));
console.log(`@openfeature/flagd-core: ${Math.round(count / seconds)} evaluations/s`);
