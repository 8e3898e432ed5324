// What every part of the page builds on: the data, making nodes, badges, copying, the tip.
//
// The files of this folder become one script, in the order of reports/page.cmake, inside one function
// and in strict mode: what stands at the top of a file is known in those that follow it.
// Rules of all of them: text reaches the page through text nodes and attributes only, never as HTML,
// because the data holds what QEMU and guests printed. Nothing is fetched. The URL's hash is the only
// state. No fault, checker or protocol is known by name.

const data = JSON.parse(document.getElementById('data').textContent);
const svgSpace = document.querySelector('svg').namespaceURI;
const byId = (id) => document.getElementById(id);
const words = data.verdicts.map((verdict) => verdict.word);  // worst first
const badness = new Map(words.map((word, index) => [word, index]));
const sentence = new Map(data.verdicts.map((verdict) => [verdict.word, verdict.sentence]));
const sideOrder = ['source', 'channel', 'destination'];

// ---- building blocks ---------------------------------------------------------------------------

/** Control characters and those that turn the direction of what follows are shown, not obeyed. */
const inert = (value) => String(value).replace(/[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]/g, '\ufffd');

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') node.addEventListener(name, value);
    else node.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children.flat()) {
    if (child === null || child === undefined) continue;
    node.append(child instanceof Node ? child : document.createTextNode(inert(child)));
  }
  return node;
}
const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const s = (tag, attributes, ...children) => fill(document.createElementNS(svgSpace, tag), attributes, children);
const icon = (word) => s('svg', {class: 'icon', 'aria-hidden': 'true'}, s('use', {href: '#v-' + word}));
const badge = (word) => h('span', {class: 'badge v-' + word, title: sentence.get(word)}, icon(word), word);
const caseLink = (id) => '#case=' + encodeURIComponent(id);
const say = (text) => { byId('said').textContent = inert(text); };

function milliseconds(value) {
  if (value < 0) return 'not measured';
  if (value >= 10000) return (value / 1000).toFixed(1) + ' s';
  return (value >= 100 ? value.toFixed(0) : value.toFixed(1)) + ' ms';
}

async function copyText(text, button) {
  let done = false;
  try {
    await navigator.clipboard.writeText(text);
    done = true;
  } catch {  // no clipboard for this origin: select, and use the older way
    const box = h('textarea', {class: 'unseen'});
    box.value = text;
    document.body.append(box);
    box.select();
    done = document.execCommand('copy');
    box.remove();
    button.focus();
  }
  button.textContent = done ? 'Copied' : 'Press Ctrl+C';
  say(done ? 'Copied' : 'Copying is not allowed here');
  setTimeout(() => { button.textContent = 'Copy'; }, 1600);
}
function addCopyButtons(root) {
  for (const span of root.querySelectorAll('.command')) {
    const text = span.querySelector('code').textContent;
    if (!text || span.querySelector('button')) continue;
    span.append(h('button', {class: 'button', type: 'button', 'aria-label': 'Copy: ' + text,
      click: (event) => copyText(text, event.currentTarget)}, 'Copy'));
  }
}
// A line may break between words only: not behind the dashes of an option.
const command = (text) => h('span', {class: 'command'}, h('code', {}, text.split(' ').flatMap((word, index) =>
  [index > 0 ? ' ' : null, h('span', {class: 'w'}, word)])));

const tip = byId('tip');
function showTip(text, x, y) {
  tip.textContent = inert(text);
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = Math.min(Math.max(6, x + 14), window.innerWidth - box.width - 6);
  const below = y + 18;
  tip.style.left = Math.max(6, left) + 'px';
  tip.style.top = (below + box.height > window.innerHeight ? y - box.height - 10 : below) + 'px';
}
const hideTip = () => { tip.hidden = true; };
function tipOf(node, text) {
  node.addEventListener('pointerenter', (event) => showTip(text, event.clientX, event.clientY));
  node.addEventListener('pointerleave', hideTip);
  node.addEventListener('focus', () => {
    if (!node.matches(':focus-visible')) return;
    const box = node.getBoundingClientRect();
    showTip(text, box.left, box.bottom - 8);
  });
  node.addEventListener('blur', hideTip);
}
