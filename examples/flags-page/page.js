// A page that asks Otus for its flags by OpenFeature's official web SDK, and says so the moment one changes in the chat.
//
// What it shows stays as it is until somebody presses Reset: nothing moves under a reader's hands.
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider';
import { OpenFeature, ProviderEvents } from '@openfeature/web-sdk';

const wanted = new URLSearchParams(location.search);
const otus = wanted.get('otus') ?? 'http://127.0.0.1:8080';
const user = wanted.get('user') ?? 'joe';
const flag = wanted.get('flag') ?? 'new-search';
const banner = document.querySelector('#banner');
const search = document.querySelector('#search');
const client = OpenFeature.getClient();

function show() {
  const on = client.getBooleanValue(flag, false);
  search.textContent = on ? 'The new search, which understands typos' : 'The search as you know it';
  search.dataset.on = String(on);
  banner.hidden = true;
}

document.querySelector('#who').textContent = user;
document.querySelector('#reset').addEventListener('click', show);
OpenFeature.addHandler(ProviderEvents.ConfigurationChanged, () => {
  // Told of a change that makes no difference to this person, the page has no news for them.
  const on = client.getBooleanValue(flag, false);
  banner.hidden = search.dataset.on === String(on);
});

await OpenFeature.setContext({ targetingKey: user, email: wanted.get('email') ?? undefined });
const provider = new OFREPWebProvider({
  baseUrl: otus,
  headers: [['Authorization', `Bearer ${wanted.get('token') ?? ''}`]],
  cacheMode: 'network-first',
});
try {
  await OpenFeature.setProviderAndWait(provider);
} catch (error) {
  // The page works without its flags, as it was before there were any.
  console.warn(`no flags: ${error.message}`);
  search.title = `no flags: ${error.message}`;
}
show();
