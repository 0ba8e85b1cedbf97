// A small bot on Slack's official JavaScript SDK. The tests run it against the Slack emulator; its twin in
// ../slack_bolt_python does the same.
//
// With SLACK_SIGNING_SECRET it listens on a port of its own instead of opening a socket, and prints the port.
const { App, HTTPReceiver, SocketModeReceiver } = require('@slack/bolt');

const token = process.env.SLACK_BOT_TOKEN;
const clientOptions = { slackApiUrl: process.env.SLACK_API_URL };
const signingSecret = process.env.SLACK_SIGNING_SECRET;
const receiver = signingSecret
  ? new HTTPReceiver({ signingSecret })
  : new SocketModeReceiver({
      appToken: process.env.SLACK_APP_TOKEN,
      installerOptions: { clientOptions },
      // Also how long this client waits before it opens another socket.
      clientPingTimeout: 1000,
    });
const app = new App({ token, receiver, clientOptions });

const card = {
  text: 'A card',
  blocks: [
    { type: 'section', text: { type: 'mrkdwn', text: '*Deploy api?*' } },
    {
      type: 'actions',
      elements: [
        { type: 'button', action_id: 'go', text: { type: 'plain_text', text: 'Go' }, style: 'primary', value: 'api' },
      ],
    },
  ],
};

app.event('app_mention', async ({ event, client, say }) => {
  const thread_ts = event.thread_ts || event.ts;
  if (event.text.includes('card')) {
    await say({ ...card, thread_ts });
  } else if (event.text.includes('upload')) {
    await client.filesUploadV2({
      channel_id: event.channel,
      thread_ts,
      filename: 'graph.png',
      title: 'A graph',
      alt_text: 'requests per second, rising',
      file: Buffer.from('\x89PNG from a bot', 'latin1'),
      initial_comment: 'Here it is',
    });
  } else {
    await say({ text: `pong <@${event.user}>`, thread_ts });
  }
});

app.command('/otus', async ({ ack, command, client, respond }) => {
  if (command.text === 'form') {
    await ack();
    await client.views.open({
      trigger_id: command.trigger_id,
      view: {
        type: 'modal',
        callback_id: 'form',
        private_metadata: command.channel_id,
        title: { type: 'plain_text', text: 'Deploy' },
        submit: { type: 'plain_text', text: 'Deploy' },
        blocks: [
          {
            type: 'input',
            block_id: 'service',
            label: { type: 'plain_text', text: 'Service' },
            element: { type: 'plain_text_input', action_id: 'name' },
          },
        ],
      },
    });
    return;
  }
  await ack(`got ${command.text}`);
  await respond({ text: `done ${command.text}`, response_type: 'in_channel' });
});

app.view('form', async ({ ack, view, client }) => {
  const service = view.state.values.service.name.value;
  if (service !== 'api') {
    await ack({ response_action: 'errors', errors: { service: `no service ${service}` } });
    return;
  }
  await ack();
  await client.chat.postMessage({ channel: view.private_metadata, text: `form says ${service}` });
});

app.action('go', async ({ ack, body, action, respond, client }) => {
  await ack();
  await respond({ replace_original: true, text: `${body.user.name} pressed ${action.value}` });
  await client.reactions.add({ channel: body.channel.id, timestamp: body.message.ts, name: 'white_check_mark' });
});

app.error(async (error) => {
  console.error(error);
});

app
  .start({ port: 0, host: '127.0.0.1' })
  .then((server) => {
    if (signingSecret) {
      console.log(server.address().port);
    }
  })
  .catch((error) => {
    console.error(error);
    process.exit(1);
  });
