// The log page: history by HTTP, what follows by the socket. Pausing is not acknowledging; nothing is lost unseen.

import { showDetail } from "./logdetail.js";
import { LogList } from "./loglist.js";
import { Ring } from "./ring.js";
import { Socket } from "./socket.js";

const page = document.getElementById("mt-logs");
const form = document.getElementById("mt-log-filter");
const status = document.getElementById("mt-log-status");
const connection = document.getElementById("mt-connection");
const pauseButton = document.getElementById("mt-log-pause");
const olderButton = document.getElementById("mt-log-older");
const detail = document.getElementById("mt-log-detail");

const ring = new Ring();
const list = new LogList(document.getElementById("mt-log-list"), ring, { selected: showRow });
let paused = false;
let waiting = []; // frames that came during a pause, not acknowledged
let cursor = null; // of the page before the oldest row
let history = "wanted"; // wanted → loading → loaded; a lost socket makes it wanted again
let asked = 0; // counts loads, so that an answer to an older filter is dropped

const given = () => Object.fromEntries([...new FormData(form)].filter(([, value]) => value.trim()));

function showRow(row) {
  showDetail(detail, row, { filter: setFilter, close: () => list.select(-1) });
}

function setFilter(name, value) {
  form.elements[name].value = value;
  if (form.elements[name].value !== value) form.elements[name].add(new Option(value, value, true, true));
  restart();
}

function restart() {
  const query = new URLSearchParams(given());
  window.history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  ring.clear();
  waiting = [];
  cursor = null;
  asked += 1;
  history = "wanted";
  list.select(-1);
  follow();
}

function follow() {
  if (history === "loading") history = "wanted";
  if (socket.up) socket.send({ op: "follow", filter: given() });
  else load();
}

async function fetchPage(from = "") {
  const query = new URLSearchParams({ ...given(), ...(from ? { cursor: from } : {}) });
  const answer = await fetch(`${page.dataset.records}?${query}`, { headers: { Accept: "application/json" } });
  if (answer.redirected) location.reload();
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail);
  return body;
}

async function load() {
  const number = asked;
  history = "loading";
  try {
    const body = await fetchPage();
    if (number !== asked) return;
    history = "loaded";
    connectHistory(body);
    tell();
  } catch (error) {
    history = "wanted";
    tell(error.message);
  }
}

function connectHistory(body) {
  const newest = ring.rows.at(-1)?.time;
  const items = body.items.reverse();
  if (newest && body.next_cursor && items[0]?.time > newest) {
    items.unshift({ time: newest, gap: { count: null, reason: "This page was not connected" } });
  }
  if (cursor === null) cursor = body.next_cursor ?? "";
  list.paint(ring.append(items));
}

async function loadOlder() {
  if (!cursor) return;
  setPaused(true);
  olderButton.disabled = true;
  try {
    const body = await fetchPage(cursor);
    cursor = body.next_cursor ?? "";
    list.sticky = false;
    list.paint(-ring.prepend(body.items));
    tell();
  } catch (error) {
    tell(error.message);
  }
}

function receive(message) {
  if (message.type === "status") {
    tell(message.well ? "" : `The live log has stopped for now: ${message.detail}`);
    if (message.well && history === "wanted") load();
  } else if (paused) {
    waiting.push(message);
    tell();
  } else {
    draw(message);
  }
}

function draw(message) {
  list.paint(ring.append(message.items));
  requestAnimationFrame(() => socket.send({ op: "ack", sequence: message.sequence }));
  tell();
}

function setPaused(now) {
  paused = now;
  pauseButton.textContent = paused ? "Resume" : "Pause";
  pauseButton.setAttribute("aria-pressed", String(paused));
  if (!paused) {
    list.sticky = true;
    waiting.splice(0).forEach(draw);
    list.paint();
  }
  tell();
}

let problem = "";
function tell(text = problem) {
  problem = text;
  const held = waiting.reduce((sum, frame) => sum + frame.items.length, 0);
  const full = ring.length >= ring.capacity;
  const counted = `${full ? "Newest " : ""}${ring.length.toLocaleString("en")} records`;
  status.textContent = problem || counted + (paused ? ` · paused${held ? `, ${held} or more waiting` : ""}` : "");
  status.dataset.tone = problem ? "bad" : "";
  olderButton.disabled = !cursor || full;
}

function connected(up) {
  connection.dataset.state = up ? "live" : "polling";
  connection.textContent = up ? "Live" : `Refreshing every ${page.dataset.refresh} s`;
  if (!up && history === "loaded") history = "wanted";
}

const socket = new Socket("/ws/logs/", { opened: follow, message: receive, state: connected });
setInterval(() => socket.up || paused || load(), 1000 * Number(page.dataset.refresh));

let typing;
form.addEventListener("submit", (event) => {
  event.preventDefault();
  restart();
});
form.addEventListener("change", restart);
form.addEventListener("input", (event) => {
  clearTimeout(typing);
  if (event.target.tagName === "INPUT") typing = setTimeout(restart, 400);
});
document.getElementById("mt-log-reset").addEventListener("click", () => {
  for (const field of form.elements) if (field.name) field.value = "";
  restart();
});
document.getElementById("mt-log-clear").addEventListener("click", () => {
  ring.clear();
  list.select(-1);
  tell();
});
pauseButton.addEventListener("click", () => setPaused(!paused));
olderButton.addEventListener("click", loadOlder);
