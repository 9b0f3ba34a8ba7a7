// A page that follows a topic: the socket brings new HTML or the news that there is some; without it htmx asks.

import { paintAges } from "./ages.js";
import { morph } from "./morph.js";
import { Socket } from "./socket.js";

const part = document.querySelector("[data-topic]");
const connection = document.getElementById("mt-connection");

window.htmx?.defineExtension("mt-morph", {
  isInlineSwap: (style) => style === "mt-morph",
  handleSwap: (style, target, fragment) => {
    if (style !== "mt-morph") return false;
    const holder = document.createElement("div");
    holder.append(fragment);
    show(holder.innerHTML);
    return [target];
  },
});

function show(html) {
  morph(part, html);
  paintAges(part);
}

function refresh() {
  window.htmx?.trigger(part, "mt:refresh");
}

function connected(up) {
  connection.dataset.state = up ? "live" : "polling";
  connection.textContent = up ? "Live" : `Refreshing every ${part.dataset.refresh} s`;
}

if (part) {
  const socket = new Socket(`/ws/topics/${part.dataset.topic}/`, {
    state: connected,
    message: (message) => (message.html ? show(message.html) : refresh()),
  });
  setInterval(() => socket.up || refresh(), 1000 * Number(part.dataset.refresh));
}

document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

paintAges();
setInterval(paintAges, 1000);
