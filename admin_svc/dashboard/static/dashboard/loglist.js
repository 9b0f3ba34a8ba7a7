// The list on the log page: draws only the rows that are in sight, however many there are.

const ROW = 24;
const SPARE = 8;

export class LogList {
  constructor(viewport, ring, { selected }) {
    this.viewport = viewport;
    this.ring = ring;
    this.selected = selected;
    this.current = null;
    this.sticky = true;
    this.space = element("div", "mt-log-space");
    this.window = element("div", "mt-log-window");
    this.space.append(this.window);
    viewport.append(this.space);
    viewport.addEventListener("scroll", () => this.scrolled(), { passive: true });
    viewport.addEventListener("click", (event) => this.clicked(event));
    viewport.addEventListener("keydown", (event) => this.pressed(event));
    new ResizeObserver(() => this.paint()).observe(viewport);
  }

  // Draw soon. `shifted` rows have left at the start (negative: have come), so what is being read stays in place.
  paint(shifted = 0) {
    if (!this.sticky && shifted) this.viewport.scrollTop -= shifted * ROW;
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  draw() {
    const { viewport, ring } = this;
    this.space.style.height = `${ring.length * ROW}px`;
    if (this.sticky) viewport.scrollTop = viewport.scrollHeight;
    const first = Math.max(0, Math.floor(viewport.scrollTop / ROW) - SPARE);
    const count = Math.ceil(viewport.clientHeight / ROW) + 2 * SPARE;
    this.window.style.transform = `translateY(${first * ROW}px)`;
    this.window.replaceChildren(...ring.rows.slice(first, first + count).map((row, at) => this.row(row, first + at)));
  }

  row(row, index) {
    if (row.gap) return gapRow(row.gap);
    const level = String(row.level ?? "").toLowerCase();
    const line = element("div", `mt-log-row mt-level-${level}`);
    line.id = `mt-log-${index}`;
    line.dataset.index = index;
    line.dataset.request = row.request_id ?? "";
    line.setAttribute("role", "option");
    line.setAttribute("aria-selected", String(row === this.current));
    line.append(
      element("span", "mt-log-time", clock(row.time)),
      element("span", "mt-log-level", level),
      source(row),
      message(row),
    );
    return line;
  }

  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.viewport;
    this.sticky = scrollHeight - scrollTop - clientHeight < ROW;
    this.paint();
  }

  clicked(event) {
    const line = event.target.closest("[data-index]");
    if (line) this.select(Number(line.dataset.index));
  }

  pressed(event) {
    const here = this.ring.rows.indexOf(this.current);
    const last = this.ring.length - 1;
    const page = Math.floor(this.viewport.clientHeight / ROW);
    const start = here < 0 ? last + 1 : here;
    const goal = { ArrowUp: start - 1, ArrowDown: here + 1, PageUp: start - page, PageDown: here + page, Home: 0, End: last };
    if (event.key === "Escape") this.select(-1);
    if (!(event.key in goal) || last < 0) return;
    event.preventDefault();
    this.select(Math.min(last, Math.max(0, goal[event.key])));
  }

  select(index) {
    this.current = this.ring.rows[index] ?? null;
    if (this.current) this.reveal(index);
    if (this.current) this.viewport.setAttribute("aria-activedescendant", `mt-log-${index}`);
    this.selected(this.current);
    this.paint();
  }

  reveal(index) {
    const top = index * ROW;
    const { scrollTop, clientHeight } = this.viewport;
    this.sticky = index === this.ring.length - 1;
    if (top < scrollTop) this.viewport.scrollTop = top;
    else if (top + ROW > scrollTop + clientHeight) this.viewport.scrollTop = top + ROW - clientHeight;
  }
}

export function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

export function hueOf(service) {
  const known = ["registry", "gateway", "auth", "todo", "events", "logger", "admin"].indexOf(service);
  return known < 0 ? 0 : 25 + known * 51;
}

function source(row) {
  const made = element("span", "mt-log-source", row.instance || row.service || "");
  made.style.setProperty("--hue", hueOf(row.service));
  return made;
}

function message(row) {
  const made = element("span", "mt-log-message", row.message ?? "");
  const more = Object.entries(row.attributes ?? {}).map(([name, value]) => `${name}=${text(value)}`);
  if (more.length) made.append(element("span", "mt-log-more", ` ${more.join(" ")}`));
  return made;
}

function gapRow({ count, reason }) {
  const amount = count ? `${count.toLocaleString("en")} records are not shown` : "Records are not shown";
  return element("div", "mt-log-row mt-log-gap", `${amount}: ${reason}`);
}

export const text = (value) => (typeof value === "string" ? value : JSON.stringify(value));

function clock(stamp) {
  const at = new Date(stamp);
  if (Number.isNaN(at.getTime())) return "";
  const two = (number) => String(number).padStart(2, "0");
  const milliseconds = String(at.getMilliseconds()).padStart(3, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${milliseconds}`;
}
