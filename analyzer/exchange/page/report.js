"use strict";
(() => {
  const data = JSON.parse(document.getElementById("figures").textContent);
  const page = document.getElementById("page");
  const KINDS = {
    extraction_campaign: "Extraction campaign", reseller_pool: "Reseller pool",
    linked_accounts: "Linked accounts", shared_tool: "Users of one product",
    account_anomaly: "Account anomaly",
  };
  const number = (n) => Number(n).toLocaleString("en-US");
  const percent = (x) => (Number.isFinite(x) ? Math.round(100 * x) + " %" : "unknown");
  const time = (ms) => {
    const date = new Date(ms);
    return Number.isNaN(date.getTime()) ? ms + " ms" : date.toISOString().slice(0, 16).replace("T", " ") + " UTC";
  };
  const span = (s) => (s >= 172800 ? Math.round(s / 86400) + " d" : s >= 3600 ? Math.round(s / 3600) + " h" : Math.round(s / 60) + " min");
  const capital = (text) => text.slice(0, 1).toUpperCase() + text.slice(1);

  // Every text goes in as a text node: nothing from outside is ever read as markup.
  const make = (tag, attributes, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
    for (const child of children.flat(Infinity)) {
      if (child === null || child === undefined) continue;
      element.append(child instanceof Node ? child : document.createTextNode(String(child)));
    }
    return element;
  };
  const placed = (tag, left, width) => {
    const element = make(tag);
    element.style.left = left + "%";
    if (width !== undefined) element.style.width = width + "%";
    return element;
  };
  const table = (heads, rows) => make("div", { class: "wide" },
    make("table", {},
      make("thead", {}, make("tr", {}, heads.map(([name, numeric]) => make("th", numeric ? { class: "n" } : {}, name)))),
      make("tbody", {}, rows.map((row) => make("tr", {}, row.map((cell, i) => make("td", heads[i][1] ? { class: "n" } : {}, cell)))))));
  const anchor = (id) => "c-" + [...id].map((c) => (/[a-z0-9]/i.test(c) ? c : "_" + c.codePointAt(0))).join("");

  function head() {
    const s = data.summary;
    const period = s.first_event_ms === null || s.first_event_ms === undefined ? "no events" : time(s.first_event_ms) + " – " + time(s.last_event_ms);
    return make("header", {},
      make("h1", {}, "Replay report"),
      make("p", {}, number(s.events) + " requests, " + period),
      make("p", { class: "soft" }, (s.sources || []).join(", ")),
      make("p", { class: "soft" }, "analyzer " + data.version + ", settings " + s.config_hash));
  }

  function overview() {
    const scores = data.scores;
    const section = make("section", { class: "card" }, make("h2", {}, "Campaigns over time"));
    if (!scores.length) {
      section.append(make("p", {}, "No alert was raised."));
      return section;
    }
    const begin = Math.min(data.summary.first_event_ms ?? Infinity, ...scores.map((c) => c.first_ms));
    const end = Math.max(data.summary.last_event_ms ?? -Infinity, ...scores.map((c) => c.last_ms));
    const at = (ms) => (100 * (ms - begin)) / Math.max(1, end - begin);
    const drawn = new Set(data.campaigns.map((c) => c.campaign_id));
    for (const c of scores) {
      const name = make(drawn.has(c.campaign_id) ? "a" : "span", drawn.has(c.campaign_id) ? { href: "#" + anchor(c.campaign_id) } : {}, c.campaign_id);
      section.append(
        make("div", { class: "row" }, make("span", {}, make("strong", { class: c.severity }, c.severity), " " + KINDS[c.kind] + " ", name),
          make("span", { class: "soft" }, number(c.members) + " members, " + number(c.alerts) + " alerts")),
        make("div", { class: "track " + c.severity, role: "img", "aria-label": "active from " + time(c.first_ms) + " to " + time(c.last_ms) + ", first alert " + time(c.alert_ms[0]) },
          placed("i", at(c.first_ms), at(c.last_ms) - at(c.first_ms)), c.alert_ms.map((ms) => placed("b", at(ms)))));
    }
    section.append(make("div", { class: "ends" }, make("span", {}, time(begin)), make("span", {}, time(end))),
      make("p", { class: "soft" }, "The bar is the members' activity, each mark an alert."));
    if (data.left_out) section.append(make("p", {}, number(data.left_out) + " campaigns of lower severity are not told below."));
    return section;
  }

  function slider() {
    const scores = data.scores;
    const days = Math.max(1 / 24, ((data.summary.last_event_ms ?? 0) - (data.summary.first_event_ms ?? 0)) / 86400000);
    const range = make("input", { type: "range", min: "0", max: "1", step: "0.01", value: "0.5", "aria-label": "least confidence" });
    const said = make("output");
    const rows = make("div");
    const at = (least) => {
      const kept = scores.filter((c) => c.confidence >= least);
      const extraction = kept.filter((c) => c.kind === "extraction_campaign");
      const sum = (list, name) => list.reduce((total, c) => total + (c[name] ?? 0), 0);
      return { kept, alerts: sum(kept, "alerts") / days, members: sum(kept, "members"),
        precision: sum(extraction, "positives") / sum(extraction, "members"),
        recall: sum(extraction, "positives") / data.positives };
    };
    const show = () => {
      const least = Number(range.value);
      const found = at(least);
      said.textContent = "Confidence from " + least.toFixed(2) + ": " + found.kept.length + " of " + scores.length + " campaigns, " + found.alerts.toFixed(1) + " alerts a day, " + number(found.members) + " members";
      rows.replaceChildren();
      if (data.positives !== null) rows.append(make("p", {}, "Of the accounts in extraction campaigns " + percent(found.precision) + " are labelled so (precision); of all labelled accounts " + percent(found.recall) + " are found (recall)."));
    };
    range.addEventListener("input", show);
    show();
    const steps = [0, 0.25, 0.5, 0.75, 0.9, 0.99].map((least) => {
      const found = at(least);
      const row = [least.toFixed(2), number(found.kept.length), found.alerts.toFixed(1)];
      return data.positives === null ? row : [...row, percent(found.precision), percent(found.recall)];
    });
    const heads = [["least confidence", true], ["campaigns", true], ["alerts a day", true]];
    if (data.positives !== null) heads.push(["precision", true], ["recall", true]);
    return make("section", { class: "card" }, make("h2", {}, "What a threshold would do"), range, make("p", {}, said), rows, table(heads, steps),
      make("p", { class: "soft" }, "By the recorded confidence of what was told; what was never told is not in it."));
  }

  function evidence(list, against) {
    if (!list.length) return make("p", { class: "soft" }, "Nothing found.");
    return make("div", { class: "evidence" + (against ? " against" : "") }, list.map((e) => {
      const r = e.reading;
      const share = (x) => 100 * Math.min(1, Math.max(0, x));
      const label = "value " + r.value.toFixed(2) + ", usual " + r.baseline.toFixed(2);
      return [make("div", { class: "bar", role: "img", "aria-label": label, title: label }, placed("i", 0, share(r.value)), placed("b", share(r.baseline))),
        make("p", {}, capital(r.evidence), " ", make("small", {}, r.name + ", " + span(r.window_s)))];
    }));
  }

  function picture(title, grid) {
    if (!grid || !grid.rows.length || !grid.columns.length) return null;
    const height = 12;
    const canvas = make("canvas", { width: grid.columns.length, height: grid.rows.length, role: "img", "aria-label": title });
    canvas.style.height = grid.rows.length * height + 2 + "px";
    const most = Math.max(1, ...grid.cells.map((cell) => cell[2]));
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#3f86e0";
    for (const [row, column, count] of grid.cells) {
      pen.globalAlpha = 0.3 + (0.7 * Math.log1p(count)) / Math.log1p(most);
      pen.fillRect(column, row, 1, 1);
    }
    return make("div", {}, make("h3", {}, title), make("div", { class: "picture" }, make("ol", {}, grid.rows.map((name) => make("li", { title: name }, name))), canvas));
  }

  function exposure(x) {
    const amounts = (title, list) => make("div", {}, make("h3", {}, title),
      table([["", false], ["requests", true], ["output tokens", true]], list.slice(0, 12).map((a) => [a.name, number(a.requests), number(a.output_tokens)])));
    const b = x.blast;
    const age = b.median_age_days === null ? "unknown" : b.median_age_days + " days";
    return make("div", {},
      make("p", {}, number(x.requests) + " requests, " + number(x.output_tokens) + " output tokens" + (x.counted ? ", " + number(x.prompts) + " different prompts; " + number(x.before.output_tokens) + " output tokens before the first alert, " + number(x.after.output_tokens) + " after." : ", as the last alert counts them: the raw records were not at hand.")),
      x.counted ? make("div", { class: "columns" }, amounts("By model", x.by_model), amounts("By template", x.by_template), amounts("By day", x.by_day)) : null,
      make("p", {}, "An action on all would touch " + number(b.members) + " accounts of " + number(b.organisations) + " organisations, " + number(b.unsure) + " of them below 0.8; median age " + age + ", " + number(b.older_than_a_month) + " older than a month."),
      x.marked_answers.length ? make("p", {}, "For proof, serve marked answers to: " + x.marked_answers.join(", ") + ".") : null);
  }

  function campaign(c) {
    const share = (s) => s.kind + " " + s.name + " with " + number(s.members) + " others";
    const rows = c.members.map((m) => [m.membership.toFixed(2), m.account_id, number(m.requests), time(m.joined_ms), m.shares.slice(0, 3).map(share).join("; ")]);
    const picked = picture("Members by object", c.objects);
    if (picked) picked.append(make("ol", { class: "legend" }, c.objects.columns.map((name) => make("li", {}, name))));
    const drawn = picture("Members over time", c.activity);
    if (drawn) drawn.append(make("div", { class: "ends" }, make("span", {}, c.activity.columns[0] + " UTC"), make("span", {}, c.activity.columns[c.activity.columns.length - 1] + " UTC")));
    return make("section", { class: "card", id: anchor(c.campaign_id) },
      make("h2", {}, make("span", { class: c.severity }, c.severity.toUpperCase() + " " + KINDS[c.kind]), " ", make("span", { class: "soft" }, c.campaign_id + ", " + c.state)),
      make("p", {}, c.summary),
      make("h3", {}, "What happened"), table([["when", false], ["what", false]], c.timeline.map((m) => [time(m.at_ms), m.text])),
      make("h3", {}, "Why (the mark is what is usual)"), evidence(c.signals, false),
      make("h3", {}, "What speaks against it"), evidence(c.counter_evidence, true),
      make("h3", {}, "What the verdict rests on"),
      c.verdict.length ? table([["", false], ["", false]], c.verdict.map((v) => [v.holds ? "✓" : "✗", capital(v.sentence)])) : make("p", { class: "soft" }, "No conditions were told."),
      drawn, picked,
      make("h3", {}, "What was taken"), exposure(c.exposure),
      make("details", {}, make("summary", {}, "Members (" + number(c.members_total) + (c.members_total > rows.length ? ", the surest " + rows.length + " here" : "") + ")"),
        table([["sure", true], ["account", false], ["requests", true], ["since", false], ["shares", false]], rows)),
      make("h3", {}, "What to do"), make("ol", {}, c.next_steps.map((step) => make("li", {}, step))));
  }

  page.replaceChildren(head(), overview(), ...(data.scores.length ? [slider()] : []), ...data.campaigns.map(campaign));
})();
