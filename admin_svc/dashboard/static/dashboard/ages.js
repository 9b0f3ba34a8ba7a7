// Times that show their age ("12 s") and count on by themselves.

const STEPS = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "min"],
  [0, "s"],
];

export function ageOf(stamp, now = Date.now()) {
  const seconds = Math.max(0, (now - Date.parse(stamp)) / 1000);
  const [size, unit] = STEPS.find(([size]) => seconds >= size);
  return `${Math.floor(seconds / (size || 1))} ${unit}`;
}

export function paintAges(root = document) {
  for (const time of root.querySelectorAll("time[data-age]")) time.textContent = ageOf(time.dateTime);
}
