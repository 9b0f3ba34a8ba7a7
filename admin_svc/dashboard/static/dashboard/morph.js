// Bring a part of the page up to date and touch only what differs, so that focus and selection stay where they are.

export function morph(element, html) {
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  children(element, fresh.content);
}

function children(have, want) {
  const old = [...have.childNodes];
  const wanted = [...want.childNodes];
  wanted.forEach((node, index) => (old[index] ? one(old[index], node) : have.append(node)));
  old.slice(wanted.length).forEach((node) => node.remove());
}

function one(have, want) {
  if (have.isEqualNode(want)) return;
  if (!(have instanceof Element) || !(want instanceof Element) || !alike(have, want)) {
    have.replaceWith(want);
    return;
  }
  attributes(have, want);
  children(have, want);
}

const alike = (a, b) => a.tagName === b.tagName && a.dataset.key === b.dataset.key;

function attributes(have, want) {
  for (const { name } of [...have.attributes]) if (!want.hasAttribute(name)) have.removeAttribute(name);
  for (const { name, value } of want.attributes) if (have.getAttribute(name) !== value) have.setAttribute(name, value);
}
