// OpenFeature's own provider for OFREP on servers, against the server at OFREP_URL. Writes what it read as one line of JSON.
import { OFREPProvider } from '@openfeature/ofrep-provider';
import { OpenFeature } from '@openfeature/server-sdk';

const connected = async (domain, token) => {
  const options = { baseUrl: process.env.OFREP_URL, headers: [['Authorization', `Bearer ${token}`]] };
  await OpenFeature.setProviderAndWait(domain, new OFREPProvider(options));
  const client = OpenFeature.getClient(domain);
  client.setLogger({ error() {}, warn() {}, info() {}, debug() {} });
  return client;
};

const client = await connected('known', process.env.OFREP_TOKEN);
const stranger = await connected('stranger', 'not-a-token');
const seen = ({ value, reason, variant, errorCode }) => [value, reason, variant ?? null, errorCode ?? null];
const ann = { targetingKey: 'ann', email: 'ann@example.com' };
const staff = await client.getBooleanDetails('staff', false, ann);

const found = {
  nav: seen(await client.getBooleanDetails('nav', true)),
  staff: seen(staff),
  'not staff': seen(await client.getBooleanDetails('staff', true, { targetingKey: 'bob' })),
  text: seen(await client.getStringDetails('text', 'fallback', ann)),
  count: seen(await client.getNumberDetails('count', 0, ann)),
  ratio: seen(await client.getNumberDetails('ratio', 0.1, ann)),
  object: seen(await client.getObjectDetails('object', {}, ann)),
  open: seen(await client.getStringDetails('open', 'fallback', ann)),
  disabled: seen(await client.getBooleanDetails('disabled', false, ann)),
  none: seen(await client.getStringDetails('none', 'fallback', ann)),
  mismatch: seen(await client.getNumberDetails('text', 7, ann)),
  refused: seen(await stranger.getBooleanDetails('nav', false, ann)),
  owner: staff.flagMetadata.owner,
};
process.stdout.write(JSON.stringify(found));
