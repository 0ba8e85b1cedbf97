"""A small bot on Slack's official Python SDK. The tests run it against the Slack emulator; its twin in
../slack_bolt_js does the same."""

import os

from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

client = WebClient(token=os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"] + "/")
app = App(client=client)

CARD = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "*Deploy api?*"}},
    {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "action_id": "go",
                "text": {"type": "plain_text", "text": "Go"},
                "style": "primary",
                "value": "api",
            }
        ],
    },
]

FORM = {
    "type": "modal",
    "callback_id": "form",
    "title": {"type": "plain_text", "text": "Deploy"},
    "submit": {"type": "plain_text", "text": "Deploy"},
    "blocks": [
        {
            "type": "input",
            "block_id": "service",
            "label": {"type": "plain_text", "text": "Service"},
            "element": {"type": "plain_text_input", "action_id": "name"},
        }
    ],
}


@app.event("app_mention")
def mention(event, client, say):
    thread_ts = event.get("thread_ts", event["ts"])
    if "card" in event["text"]:
        say(text="A card", blocks=CARD, thread_ts=thread_ts)
    elif "upload" in event["text"]:
        client.files_upload_v2(
            channel=event["channel"],
            thread_ts=thread_ts,
            filename="graph.png",
            title="A graph",
            alt_txt="requests per second, rising",
            file=b"\x89PNG from a bot",
            initial_comment="Here it is",
        )
    else:
        say(text=f"pong <@{event['user']}>", thread_ts=thread_ts)


@app.event("message")
def message():
    """Said where the bot is, and not to it."""


@app.command("/otus")
def command(ack, command, client, respond):
    if command["text"] == "form":
        ack()
        client.views_open(
            trigger_id=command["trigger_id"], view={**FORM, "private_metadata": command["channel_id"]}
        )
        return
    ack(f"got {command['text']}")
    respond(text=f"done {command['text']}", response_type="in_channel")


@app.view("form")
def form(ack, view, client):
    service = view["state"]["values"]["service"]["name"]["value"]
    if service != "api":
        ack(response_action="errors", errors={"service": f"no service {service}"})
        return
    ack()
    client.chat_postMessage(channel=view["private_metadata"], text=f"form says {service}")


@app.action("go")
def go(ack, body, action, respond, client):
    ack()
    respond(replace_original=True, text=f"{body['user']['name']} pressed {action['value']}")
    client.reactions_add(
        channel=body["channel"]["id"], timestamp=body["message"]["ts"], name="white_check_mark"
    )


# Pings set the pace at which this client notices a lost socket.
SocketModeHandler(app, os.environ["SLACK_APP_TOKEN"], ping_interval=1).start()
