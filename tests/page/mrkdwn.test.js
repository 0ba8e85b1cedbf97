// How mrkdwn is read: what means something, and that nothing becomes markup that should be words.

import assert from "node:assert/strict";
import test from "node:test";
import { moment, parse, plain, safe } from "../../src/demo_page/assets/mrkdwn.js";

const text = (v) => ({ t: "text", v });

test("marks, code, links, names and moments", () => {
    const cases = [
        ["a *b* c", [text("a "), { t: "b", c: [text("b")] }, text(" c")]],
        ["*a `b*` c*", [{ t: "b", c: [text("a "), { t: "code", v: "b*" }, text(" c")] }]],
        ["snake_case_name and 2*3*4", [text("snake_case_name and 2*3*4")]],
        ["* a * b", [text("* a * b")]],
        ["~old~ _new_", [{ t: "s", c: [text("old")] }, text(" "), { t: "i", c: [text("new")] }]],
        ["<@U1> in <#C1|shop>", [{ t: "user", v: "U1" }, text(" in "), { t: "channel", v: "C1", label: "shop" }]],
        ["<https://a.example/?x=1&amp;y=2|there>", [{ t: "link", url: "https://a.example/?x=1&y=2", label: "there" }]],
        ["<!here> <!subteam^S1|@sre>", [{ t: "broadcast", v: "here" }, text(" "), { t: "group", v: "@sre" }]],
        ["<!date^1700000000^{date_num} {time}|then>", [{ t: "date", at: 1700000000, format: "{date_num} {time}", label: "then" }]],
        [":tada: at 12:30:45", [{ t: "emoji", v: "tada" }, text(" at 12:30:45")]],
        ["a\nb", [text("a"), { t: "br" }, text("b")]],
        ["&gt; one\n&gt; two\nthree", [{ t: "quote", c: [text("one"), { t: "br" }, text("two")] }, text("three")]],
        ["see\n```\n*x* &lt;b&gt;\n```\nend", [text("see"), { t: "pre", v: "*x* <b>" }, text("end")]],
    ];
    for (const [said, read] of cases) assert.deepEqual(parse(said), read, said);
});

test("nothing leads to a script", () => {
    assert.deepEqual(parse("<javascript:alert(1)|press>"), [text("press")]);
    assert.deepEqual(parse("<data:text/html,x>"), [text("data:text/html,x")]);
    assert.ok(!safe("javascript:alert(1)") && !safe(" https://a.example") && safe("https://a.example"));
    assert.deepEqual(parse("&lt;img src=x onerror=alert(1)&gt;"), [text("<img src=x onerror=alert(1)>")]);
});

test("escaping is undone once", () => {
    assert.equal(plain("&amp;lt;b&amp;gt;"), "&lt;b&gt;");
});

test("a day is named when it is near", () => {
    const now = new Date(2026, 10, 23, 12);
    const at = (day, hour) => new Date(2026, 10, day, hour, 5).getTime() / 1000;
    assert.equal(moment(at(23, 9), "{date_short_pretty} {time}", now), "today 09:05");
    assert.equal(moment(at(22, 23), "{date_short_pretty}", now), "yesterday");
    assert.equal(moment(at(24, 0), "{date_pretty}", now), "tomorrow");
    assert.equal(moment(at(3, 9), "{date_num}", now), "2026-11-03");
});
