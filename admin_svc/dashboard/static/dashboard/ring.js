// The rows of the log page: at most CAPACITY of them, in order of time, each once.

export const CAPACITY = 5_000;

const keyOf = (row) => row.id ?? [row.time, row.instance, row.logger, row.span_id, row.message].join("|");
const byTime = (a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0);

export class Ring {
  constructor(capacity = CAPACITY) {
    this.capacity = capacity;
    this.clear();
  }

  get length() {
    return this.rows.length;
  }

  clear() {
    this.rows = [];
    this.keys = new Set();
  }

  // Add rows at the end; gives how many rows left at the start.
  append(rows) {
    const added = this.#unknown(rows);
    const late = added.length > 0 && this.rows.length > 0 && added.some((row) => byTime(row, this.rows.at(-1)) < 0);
    this.rows.push(...added);
    if (late || added.length > 1) this.rows.sort(byTime);
    return this.#drop(this.rows.splice(0, Math.max(0, this.rows.length - this.capacity)));
  }

  // Add older rows at the start, as many as there is room for; gives how many were added.
  prepend(rows) {
    const added = this.#unknown(rows).sort(byTime).slice(-Math.max(0, this.capacity - this.rows.length));
    this.rows.unshift(...added);
    return added.length;
  }

  #unknown(rows) {
    const fresh = [];
    for (const row of rows) {
      if (row.gap) {
        row.time ??= this.rows.at(-1)?.time ?? "";
        fresh.push(row);
      } else if (!this.keys.has(keyOf(row))) {
        this.keys.add(keyOf(row));
        fresh.push(row);
      }
    }
    return fresh;
  }

  #drop(rows) {
    for (const row of rows) this.keys.delete(keyOf(row));
    return rows.length;
  }
}
