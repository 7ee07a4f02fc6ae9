// What happened in an evening beside what the player saw: text, a page and a picture.

/** Pixels. */
const width = 960;
const left = 110;
const right = 20;
const lane = 18;
const colours = { primary: "#3a6ea5", backup: "#8a9a2e", slate: "#555555", black: "#111111" };

/**
 * `deeds`: what was done, `{ at, what }`; `events`: as the stack told them, with `at`; `looks`: what the player showed a few times a second.
 * Times are seconds since the start.
 */
export function report({ minutes, deeds, events, looks }) {
  const last = looks.at(-1);
  const stalls = last.stalls;
  const shown = changes(looks);
  const rows = [
    ...deeds.map(({ at, what }) => ({ at, column: 0, text: `**${what}**` })),
    ...events.map((event) => ({ at: event.at, column: 1, text: words(event) })),
    ...shown.map(({ at, shows }) => ({ at, column: 2, text: `the picture is the ${shows === "black" ? "black one" : shows + "'s"}`.replace("the slate's", "the slate") })),
  ].sort((a, b) => a.at - b.at);
  const least = Math.min(...looks.map((look) => look.ahead));
  const advanced = last.time - looks[0].time;
  const summary =
    `${minutes} minutes: ${stalls.length} stalls, ${advanced.toFixed(1)} s played in ${(last.at - looks[0].at).toFixed(1)} s, ` +
    `${last.dropped} of ${last.frames} frames dropped by the browser, never less than ${least.toFixed(1)} s in the buffer, ` +
    `${last.faults.length} faults of the player.` +
    (last.starved >= 50 ? ` For ${(last.starved / 1000).toFixed(1)} s of it the machine gave the browser no time at all.` : "");
  const table = rows.map(({ at, column, text }) => `| ${at.toFixed(1)} | ${[0, 1, 2].map((each) => (each === column ? text : "")).join(" | ")} |`);
  const markdown = `# An evening of bad luck

A channel with an SRT publisher and an RTMP publisher as its backup, its stack on one machine, and hls.js with its stock settings in
Chromium, while what the programme says is done to them (\`make evening\`). The player is some six seconds behind, so what it shows comes that
much later. One encoder, no second pipeline.

${summary}

![What was done, what the stack told, what the player showed](evening.svg)

| second | done | event | seen |
| ---: | --- | --- | --- |
${table.join("\n")}
`;
  const plain = rows.map(({ at, column, text }) => `${at.toFixed(1).padStart(6)} s  ${"".padEnd(column * 4)}${["", "event  ", "player  "][column]}${text.replaceAll("**", "").replaceAll("`", "")}`);
  return { markdown, svg: picture({ minutes, deeds, events, looks, shown }), text: [...plain, summary].join("\n"), stalls };
}

function words({ event, state, details = {} }) {
  const known = ["input", "cause", "shows", "from", "to", "reason", "process", "by_ms"].filter((name) => name in details);
  return [`\`${event}\` ${state}`, ...known.map((name) => `${name} ${details[name]}`)].join(", ");
}

/** When the player began to show something else, two looks in a row. */
function changes(looks) {
  const found = [];
  looks.forEach((look, index) => {
    const steady = looks[index + 1]?.shows === look.shows;
    if (steady && found.at(-1)?.shows !== look.shows) found.push({ at: look.at, shows: look.shows });
  });
  return found;
}

/** From the raised to the cleared of each condition: `{ name, from, to }`. */
function conditions(events, end) {
  const open = new Map();
  const bars = [];
  for (const { at, event, state, channel, details = {} } of events) {
    const which = ["process", "input", "cause"].map((name) => details[name]).filter(Boolean).join(" ");
    const name = `${event} ${which}`.trim();
    const key = `${channel} ${name}`;
    if (state === "raised" && !open.has(key)) open.set(key, at);
    if (state === "happened") bars.push({ name, from: at, to: at });
    if (state === "cleared" && open.has(key)) {
      bars.push({ name, from: open.get(key), to: at });
      open.delete(key);
    }
  }
  for (const [key, from] of open) bars.push({ name: key.slice(key.indexOf(" ") + 1), from, to: end });
  return bars;
}

function picture({ minutes, deeds, events, looks, shown }) {
  const end = minutes * 60;
  const x = (at) => (left + 90 + ((width - left - 90 - right) * at) / end).toFixed(1);
  const bars = conditions(events, end);
  const names = [...new Set(bars.map((bar) => bar.name))];
  const top = 40 + deeds.length * 15;
  const below = top + 10 + names.length * lane;
  const most = Math.max(10, ...looks.map((look) => look.ahead));
  const y = (ahead) => (below + 60 + 110 * (1 - ahead / most)).toFixed(1);
  const height = below + 60 + 110 + 40;
  const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const label = (at, row, text, anchor = "start") => `<text x="${at}" y="${row}" text-anchor="${anchor}">${escape(text)}</text>`;
  const parts = [label(10, 20, "What was done, what the stack told, and what the player showed")];
  deeds.forEach(({ at, what }, index) => {
    parts.push(`<path d="M${x(at)} ${36 + index * 15}V${height - 40}" stroke="#d1495b" stroke-dasharray="2 3"/>`);
    const late = at > end * 0.7;
    parts.push(label(Number(x(at)) + (late ? -4 : 4), 40 + index * 15, what, late ? "end" : "start"));
  });
  names.forEach((name, index) => {
    const row = top + 10 + index * lane;
    parts.push(label(left + 84, row + 11, name, "end"));
    for (const bar of bars.filter((bar) => bar.name === name)) {
      const long = Math.max(3, x(bar.to) - x(bar.from));
      parts.push(`<rect x="${x(bar.from)}" y="${row}" width="${long.toFixed(1)}" height="${lane - 5}" fill="#e09f3e"/>`);
    }
  });
  parts.push(label(left + 84, below + 31, "shown", "end"));
  shown.forEach(({ at, shows }, index) => {
    const long = x(shown[index + 1]?.at ?? end) - x(at);
    parts.push(`<rect x="${x(at)}" y="${below + 18}" width="${long.toFixed(1)}" height="18" fill="${colours[shows]}"/>`);
    if (long > 50) parts.push(`<text x="${Number(x(at)) + 4}" y="${below + 31}" fill="white">${shows}</text>`);
  });
  parts.push(label(left + 84, Number(y(most)) + 8, `${most.toFixed(0)} s`, "end"), label(left + 84, y(most / 2), "in the buffer", "end"), label(left + 84, y(0), "0", "end"));
  parts.push(`<path d="M${x(0)} ${y(0)}H${x(end)}" stroke="#999"/>`);
  parts.push(`<path d="M${looks.map((look) => `${x(look.at)} ${y(look.ahead)}`).join("L")}" fill="none" stroke="#0077b6"/>`);
  for (let minute = 0; minute <= minutes; minute += 1) parts.push(label(x(minute * 60), height - 18, `${minute}`, "middle"));
  parts.push(label(width - right, height - 4, "minutes", "end"));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<rect width="${width}" height="${height}" fill="white"/>
${parts.join("\n")}
</svg>
`;
}
