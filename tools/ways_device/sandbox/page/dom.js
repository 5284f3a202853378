// Elements from data. Text becomes text nodes and nothing else: no string is ever read as HTML.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "g", "path", "line", "rect", "circle", "text", "title", "defs", "pattern"]);
const HANDLERS = ["onclick", "oninput", "onchange", "onsubmit", "onkeydown"];

// Make an element. props: attributes (null and false are left out), on... handlers, and key,
// which tells patch() which element of the last drawing is the same thing.
export function h(tag, props, ...children) {
  const node = SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (name === "key") node.key = value;
    else if (HANDLERS.includes(name)) node[name] = value;
    else if (value !== null && value !== undefined && value !== false) {
      node.setAttribute(name, value === true ? "" : String(value));
    }
  }
  node.append(...nodes(children));
  return node;
}

function nodes(children) {
  return children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : document.createTextNode(String(child))));
}

// Stands for an element that keeps itself up to date, a chart say. It must have a key.
export function slot(live) {
  const node = document.createComment("");
  node.live = live;
  return node;
}

// Make parent hold children, keeping the elements that are there: focus, selection, scrolling
// and half typed text outlive a redrawing.
export function patch(parent, ...children) {
  reconcile(parent, nodes(children));
}

function reconcile(parent, wanted) {
  const keyed = new Map();
  for (const old of parent.childNodes) if (old.key !== undefined) keyed.set(old.key, old);
  let at = parent.firstChild;
  for (const drawn of wanted) {
    const node = drawn.live ?? drawn;
    const old = node.key === undefined ? (at?.key === undefined ? at : null) : keyed.get(node.key);
    if (old && (old === node || isAlike(old, node))) {
      if (old === at) at = at.nextSibling;
      else parent.insertBefore(old, at);
      if (old !== node) merge(old, node);
    } else {
      parent.insertBefore(node, at);
      fillSlots(node);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function fillSlots(node) {
  for (const inner of node.childNodes) {
    if (inner.live) inner.replaceWith(inner.live);
    else fillSlots(inner);
  }
}

function isAlike(old, node) {
  return old.nodeName === node.nodeName;
}

function merge(old, node) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== node.data) old.data = node.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!node.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of node.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const name of HANDLERS) old[name] = node[name];
  reconcile(old, [...node.childNodes]);
}
