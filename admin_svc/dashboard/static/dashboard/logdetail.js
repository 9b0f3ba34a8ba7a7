// One log record in full. A click on a value of a known field makes it the filter.

import { element, text } from "./loglist.js";

const FILTERS = ["service", "instance", "level", "request_id", "trace_id"];
const FIELDS = ["time", "level", "service", "instance", "logger", "message", "request_id", "trace_id", "span_id", "user_id"];

export function showDetail(panel, row, { filter, close }) {
  panel.hidden = !row;
  if (!row) return;
  const list = element("dl", "mt-fields");
  for (const name of FIELDS) if (row[name]) field(list, name, row[name], filter);
  for (const [name, value] of Object.entries(row.attributes ?? {})) field(list, name, value);
  const shut = element("button", "mt-button", "Close");
  shut.type = "button";
  shut.addEventListener("click", close);
  panel.replaceChildren(heading(row, shut), list);
}

function heading(row, shut) {
  const made = element("div", "mt-detail-head");
  made.append(element("h2", "", "Record"));
  if (row.request_id) {
    const link = element("a", "mt-link", "Request timeline");
    link.href = `/admin/timeline/?request_id=${encodeURIComponent(row.request_id)}`;
    made.append(link);
  }
  made.append(shut);
  return made;
}

function field(list, name, value, filter) {
  const shown = element("dd", "");
  if (filter && FILTERS.includes(name)) {
    const button = element("button", "mt-value", text(value));
    button.type = "button";
    button.title = `Show only ${name} ${text(value)}`;
    button.addEventListener("click", () => filter(name, text(value)));
    shown.append(button);
  } else {
    shown.textContent = text(value);
  }
  list.append(element("dt", "", name), shown);
}
